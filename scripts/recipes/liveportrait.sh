#!/bin/sh
# LivePortrait: moves a face as a driving video does. It hears nothing; the driving video is one that speaks, such as
# another generator's.
# Source: https://github.com/KwaiVGI/LivePortrait, readme.md at 003de48, src/config/argument_config.py at 8c91177
#
# Rate:   the source video's. Ends with the shorter of source and driving video.
# Size:   above 1280 px the whole picture is made smaller (--source_max_dim); the face is drawn at 512 px.
# Colour: 8-bit RGB, encoded once by imageio (H.264), untagged.
set -eu

usage() {
    cat <<'TEXT'
usage: liveportrait.sh [-h] [-c] ORIGINAL DRIVING OUTPUT

Move the lips of ORIGINAL as those of the video DRIVING move, with LivePortrait, and blend the mouth back. The sound is
DRIVING's.

  -h  this text
  -c  give the generator a face crop instead of the whole picture

GENERATOR   folder of the LivePortrait checkout (required)
REGION      what moves: lip (default), exp, all ...
MAX_DIM     largest side of the picture; default: 4096
PYTHON      Python of its environment; default: python
WORK        folder for what lies between; default: OUTPUT without its suffix, with -work
TEXT
}
. "$(dirname -- "$0")/common.sh"
driving=$audio # the second argument

set --
if [ "$route" = crop ]; then
    source=$work/face.mp4
    lipblend crop "$original" -o "$source" --meta "$work/crop.json" --profile liveportrait
    set -- --crop "$work/crop.json"
    cut=--no_flag_do_crop # the crop is LivePortrait's own already
else
    source=$original
    cut=--flag_do_crop
fi
mkdir -p "$work/liveportrait"
(
    cd "$GENERATOR"
    "$PYTHON" inference.py -s "$source" -d "$driving" -o "$work/liveportrait" "$cut" \
        --animation_region "${REGION:-lip}" --source_max_dim "${MAX_DIM:-4096}"
)
name() { basename -- "$1" ".${1##*.}"; }
mv "$work/liveportrait/$(name "$source")--$(name "$driving").mp4" "$work/synced.mp4"

lipblend composite "$original" "$work/synced.mp4" -o "$output" --audio synced "$@"
lipblend evaluate "$original" "$work/synced.mp4" "$output" --report "$work/report" "$@"
