#!/bin/sh
# MuseTalk 1.5: redraws the face box in latent space at 256 px, blends it back with a parsed mask of the jaw.
# Source: https://github.com/TMElyralab/MuseTalk, inference.sh at 1ab53a6, README.md at 0387c39; that results go to v15/
#         in --result_dir, and the rest below, is from scripts/inference.py at 865a68c and forks
#
# Rate:   kept, as OpenCV reads it; made for 25 frames/s. Video shorter than the sound is run back and forth.
# Size:   kept. The box is scaled to 256 x 256 px, unequally.
# Colour: 8-bit RGB as PNG, then x264 at crf 18 with the BT.709 matrix whatever the size, untagged, and once more by
#         FFmpeg's default.
set -eu

usage() {
    cat <<'TEXT'
usage: musetalk.sh [-h] [-c] ORIGINAL AUDIO OUTPUT

Lip-sync ORIGINAL to AUDIO with MuseTalk 1.5, and blend the mouth back.

  -h  this text
  -c  give the generator a face crop instead of the whole picture

GENERATOR   folder of the MuseTalk checkout (required)
MODEL       folder of the weights; default: models/musetalkV15 in it
PYTHON      Python of its environment; default: python
WORK        folder for what lies between; default: OUTPUT without its suffix, with -work
TEXT
}
. "$(dirname -- "$0")/common.sh"
MODEL=${MODEL:-models/musetalkV15}

set --
video=$original
if [ "$route" = crop ]; then
    # At 25 frames/s, what it was trained with; composite pairs the frames again by their pictures.
    video=$work/face.mp4
    lipblend crop "$original" -o "$video" --meta "$work/crop.json" --profile musetalk
    set -- --crop "$work/crop.json"
fi
plain "$video" ".${video##*.}" # given to a shell without quotes
plain "$audio" ".${audio##*.}"
cat >"$work/task.yaml" <<YAML
task_0:
  video_path: "$video"
  audio_path: "$audio"
YAML
(
    cd "$GENERATOR"
    "$PYTHON" -m scripts.inference --inference_config "$work/task.yaml" --result_dir "$work/musetalk" \
        --unet_model_path "$MODEL/unet.pth" --unet_config "$MODEL/musetalk.json" --version v15 \
        --output_vid_name synced.mp4
)
mv "$work/musetalk/v15/synced.mp4" "$work/synced.mp4"

lipblend composite "$original" "$work/synced.mp4" -o "$output" --audio "$audio" "$@"
lipblend evaluate "$original" "$work/synced.mp4" "$output" --report "$work/report" "$@"
