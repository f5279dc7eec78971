#!/bin/sh
# LatentSync: aligns the face by brows and nose, redraws it in latent space at 512 (or 256) px, and pastes it back.
# Source: https://github.com/bytedance/LatentSync, scripts/inference.py at 47ee37b, lipsync_pipeline.py at 39206eb;
#         options of 1.6 as in the inference.sh of its forks
#
# Rate:   25 frames/s. Video shorter than the sound is run back and forth; longer video is cut.
# Size:   kept. The face is 512 px (stage2_512.yaml) or 256 px (stage2.yaml) on a template of 420 x 560.
# Colour: 8-bit RGB, written as video and encoded again with x264 at crf 18: two lossy generations, and no colour tags
#         are set.
set -eu

usage() {
    cat <<'TEXT'
usage: latentsync.sh [-h] [-c] ORIGINAL AUDIO OUTPUT

Lip-sync ORIGINAL to AUDIO with LatentSync, and blend the mouth back.

  -h  this text
  -c  give the generator a face crop instead of the whole picture

GENERATOR   folder of the LatentSync checkout (required)
CHECKPOINT  weights; default: checkpoints/latentsync_unet.pt in it
CONFIG      default: configs/unet/stage2_512.yaml in it; stage2.yaml for the 256 px models
STEPS       default: 20
GUIDANCE    default: 1.5
PYTHON      Python of its environment; default: python
WORK        folder for what lies between; default: OUTPUT without its suffix, with -work
TEXT
}
. "$(dirname -- "$0")/common.sh"
CHECKPOINT=${CHECKPOINT:-checkpoints/latentsync_unet.pt}
CONFIG=${CONFIG:-configs/unet/stage2_512.yaml}

set --
video=$original
if [ "$route" = crop ]; then
    # Already on LatentSync's template and at 25 frames/s; it still aligns the face again.
    video=$work/face.mp4
    lipblend crop "$original" -o "$video" --meta "$work/crop.json" --profile latentsync
    set -- --crop "$work/crop.json"
fi
plain "$work/synced" # given to a shell without quotes
(
    cd "$GENERATOR"
    "$PYTHON" -m scripts.inference --unet_config_path "$CONFIG" --inference_ckpt_path "$CHECKPOINT" \
        --inference_steps "${STEPS:-20}" --guidance_scale "${GUIDANCE:-1.5}" \
        --video_path "$video" --audio_path "$audio" --video_out_path "$work/synced.mp4"
)

lipblend composite "$original" "$work/synced.mp4" -o "$output" --audio "$audio" "$@"
lipblend evaluate "$original" "$work/synced.mp4" "$output" --report "$work/report" "$@"
