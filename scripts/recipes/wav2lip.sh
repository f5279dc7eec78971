#!/bin/sh
# Wav2Lip: finds the face itself, draws its lower half at 96 px, pastes the whole box back hard.
# Source: https://github.com/Rudrabha/Wav2Lip, README.md at 06b5fdb, inference.py at 0600d0f
#
# Rate:   kept, as OpenCV reads it: one number for the file, so variable rates are lost. Ends with the shorter of sound
#         and video.
# Size:   kept. The box of the face is scaled to 96 x 96 px, unequally: a large face comes back soft.
# Colour: 8-bit RGB through OpenCV, then MPEG-4 (DIVX) and H.264: two lossy generations, no colour tags.
set -eu

usage() {
    cat <<'TEXT'
usage: wav2lip.sh [-h] [-c] ORIGINAL AUDIO OUTPUT

Lip-sync ORIGINAL to AUDIO with Wav2Lip, and blend the mouth back.

  -h  this text
  -c  give the generator a face crop instead of the whole picture

GENERATOR   folder of the Wav2Lip checkout (required)
CHECKPOINT  weights; default: checkpoints/wav2lip_gan.pth in it
PYTHON      Python of its environment; default: python
WORK        folder for what lies between; default: OUTPUT without its suffix, with -work
TEXT
}
. "$(dirname -- "$0")/common.sh"
CHECKPOINT=${CHECKPOINT:-checkpoints/wav2lip_gan.pth}

# Wav2Lip takes what follows the first dot of a path for the suffix, and gives paths to a shell without quotes.
set --
face=$original
if [ "$route" = crop ]; then
    # Fewer pixels to search. The crop has 256 px: for a face wider than 150 px or so, add --size 512.
    face=$work/face.mp4
    lipblend crop "$original" -o "$face" --meta "$work/crop.json" --profile wav2lip
    set -- --crop "$work/crop.json"
fi
plain "$face" ".${face##*.}"
plain "$audio" ".${audio##*.}"
(
    cd "$GENERATOR"
    mkdir -p temp # it writes there, and does not make it
    "$PYTHON" inference.py --checkpoint_path "$CHECKPOINT" --face "$face" --audio "$audio" --outfile "$work/synced.mp4"
)

lipblend composite "$original" "$work/synced.mp4" -o "$output" --audio "$audio" "$@"
lipblend evaluate "$original" "$work/synced.mp4" "$output" --report "$work/report" "$@"
