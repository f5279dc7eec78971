#!/bin/sh
# Diff2Lip: draws the lower half of the face box by diffusion at 128 px, pastes the box back hard.
# Source: https://github.com/soumik-kanad/diff2lip, README.md at 0655a45, scripts/inference_single_video.sh at 6d082c4,
#         generate.py at 7846da2
#
# Rate:   25 frames/s: FFmpeg drops or repeats frames. Ends with the shorter of sound and video; a frame without a face
#         ends the run.
# Size:   kept. The box is scaled to 128 x 128 px, unequally.
# Colour: frames pass as JPEG (-q:v 2), then x264 at its default crf (23), untagged: the whole picture changes, not the
#         face only.
set -eu

usage() {
    cat <<'TEXT'
usage: diff2lip.sh [-h] [-c] ORIGINAL AUDIO OUTPUT

Lip-sync ORIGINAL to AUDIO with Diff2Lip, and blend the mouth back.

  -h  this text
  -c  give the generator a face crop instead of the whole picture

GENERATOR   folder of the Diff2Lip checkout (required)
CHECKPOINT  weights; default: checkpoints/e7.24.1.3_model260000_paper.pt in it
PYTHON      Python of its environment; default: python
WORK        folder for what lies between; default: OUTPUT without its suffix, with -work
TEXT
}
. "$(dirname -- "$0")/common.sh"
CHECKPOINT=${CHECKPOINT:-checkpoints/e7.24.1.3_model260000_paper.pt}

set --
video=$original
if [ "$route" = crop ]; then
    # At 25 frames/s already, and its JPEGs spoil the crop only.
    video=$work/face.mp4
    lipblend crop "$original" -o "$video" --meta "$work/crop.json" --profile diff2lip
    set -- --crop "$work/crop.json"
fi
plain "$video" ".${video##*.}" # given to a shell without quotes
plain "$audio" ".${audio##*.}"
(
    cd "$GENERATOR"
    "$PYTHON" generate.py \
        --attention_resolutions 32,16,8 --class_cond False --learn_sigma True --num_channels 128 \
        --num_head_channels 64 --num_res_blocks 2 --resblock_updown True --use_fp16 True --use_scale_shift_norm False \
        --predict_xstart False --diffusion_steps 1000 --noise_schedule linear --rescale_timesteps False \
        --sampling_seed=7 --sampling_input_type=gt --sampling_ref_type=gt --timestep_respacing ddim25 --use_ddim True \
        --model_path="$CHECKPOINT" --nframes 5 --nrefer 1 --image_size 128 --sampling_batch_size=32 \
        --face_hide_percentage 0.5 --use_ref=True --use_audio=True --audio_as_style=True \
        --generate_from_filelist 0 --video_path="$video" --audio_path="$audio" --out_path="$work/synced.mp4" \
        --sample_path="$work/diff2lip" --save_orig=False --face_det_batch_size 64 --pads 0,0,0,0 --is_voxceleb2=False
)

lipblend composite "$original" "$work/synced.mp4" -o "$output" --audio "$audio" "$@"
lipblend evaluate "$original" "$work/synced.mp4" "$output" --report "$work/report" "$@"
