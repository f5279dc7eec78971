#!/bin/sh
# VideoReTalking: calms the expression, draws the mouth, sharpens it with GPEN and GFPGAN, blends by pyramid and
# Poisson.
# Source: https://github.com/OpenTalker/video-retalking, README.md at 0a874a1, inference.py at 0b2284e
#
# Rate:   kept, as OpenCV reads it. Ends with the shorter of sound and video.
# Size:   kept, but the whole picture is scaled to 512 x 512 px and back, so all of it is soft; the face is drawn at 256
#         and 384 px.
# Colour: 8-bit RGB through OpenCV, then MPEG-4 (mp4v) and H.264: two lossy generations; Poisson blending shifts the
#         face's colours.
set -eu

usage() {
    cat <<'TEXT'
usage: video-retalking.sh [-h] [-c] ORIGINAL AUDIO OUTPUT

Lip-sync ORIGINAL to AUDIO with VideoReTalking, and blend the mouth back.

  -h  this text
  -c  give the generator a face crop instead of the whole picture

GENERATOR   folder of the VideoReTalking checkout (required)
PYTHON      Python of its environment; default: python
WORK        folder for what lies between; default: OUTPUT without its suffix, with -work
TEXT
}
. "$(dirname -- "$0")/common.sh"

# It takes what follows the first dot of a path for the suffix, and gives paths to a shell without quotes.
set --
face=$original
if [ "$route" = crop ]; then
    # The crop has 512 px, so scaling to 512 px and back takes nothing from it: this route is the sharper one.
    face=$work/face.mp4
    lipblend crop "$original" -o "$face" --meta "$work/crop.json" --profile video-retalking
    set -- --crop "$work/crop.json"
fi
plain "$face" ".${face##*.}"
plain "$audio" ".${audio##*.}"
(
    cd "$GENERATOR"
    # Without --re_preprocess it would take landmarks that it kept of another video with this name.
    "$PYTHON" inference.py --face "$face" --audio "$audio" --outfile "$work/synced.mp4" --re_preprocess
)

lipblend composite "$original" "$work/synced.mp4" -o "$output" --audio "$audio" "$@"
lipblend evaluate "$original" "$work/synced.mp4" "$output" --report "$work/report" "$@"
