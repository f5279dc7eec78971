#!/bin/sh
# GeneFace++: a radiance field of one person, trained on a video of them, draws the whole picture anew.
# Source: https://github.com/yerfor/GeneFacePlusPlus, README.md at 1d78c00, docs/process_data/guide.md at 679f853,
#         docs/train_and_infer/guide.md at 9ea34b7, inference/genefacepp_infer.py at 12b60d9
#
# Rate:   25 frames/s. As long as the sound.
# Size:   512 x 512 px; what is not square is squashed. So there is a crop route only.
# Colour: 8-bit RGB, H.264 twice, the second at 2 Mbit/s: soft, untagged. Head and hair are drawn too, and poses come
#         from the training video.
set -eu

usage() {
    cat <<'TEXT'
usage: geneface.sh [-h] [-c] ORIGINAL AUDIO OUTPUT

Lip-sync ORIGINAL to AUDIO with GeneFace++, and blend the mouth back. In two runs, as a model of the person is trained
between them: without TORSO, the crop that training starts from is written, and the run ends; with TORSO, the rest is
done.

  -h  this text
  -c  has no effect: there is a crop route only

GENERATOR   folder of the GeneFace++ checkout (required)
TORSO       trained renderer, such as checkpoints/motion2video_nerf/NAME_torso in it
POSE        --drv_pose; default: nearest. Poses of the training video only
PYTHON      Python of its environment; default: python
WORK        folder for what lies between; default: OUTPUT without its suffix, with -work. The same in both runs
TEXT
}
. "$(dirname -- "$0")/common.sh"

if [ -z "${TORSO:-}" ]; then
    lipblend crop "$original" -o "$work/face.mp4" --meta "$work/crop.json" --profile geneface
    cat <<TEXT
Copy $work/face.mp4 to data/raw/videos/NAME.mp4 in $GENERATOR, and train on it as docs/process_data/guide.md
and docs/train_and_infer/guide.md there say. Then run this again with TORSO=checkpoints/motion2video_nerf/NAME_torso.
TEXT
    exit 0
fi
[ -f "$work/crop.json" ] || fail "$work/crop.json is missing: run this without TORSO first"
plain "$audio" ".${audio##*.}" # given to a shell without quotes
(
    cd "$GENERATOR"
    PYTHONPATH=./ "$PYTHON" inference/genefacepp_infer.py --a2m_ckpt=checkpoints/audio2motion_vae --head_ckpt= \
        --torso_ckpt="$TORSO" --drv_pose="${POSE:-nearest}" --drv_aud="$audio" --out_name="$work/synced.mp4"
)

# Heads whose pose differs from the original's cannot be blended well: look at the report.
lipblend composite "$original" "$work/synced.mp4" -o "$output" --audio "$audio" --crop "$work/crop.json"
lipblend evaluate "$original" "$work/synced.mp4" "$output" --report "$work/report" --crop "$work/crop.json"
