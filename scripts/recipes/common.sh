# Shared by the recipes, which source it after `usage` is defined: the command line, checks, and a folder to work in.
# Sets: route (full or crop), original, audio (the second argument, whatever it is), output, work (absolute paths).

fail() {
    echo "error: $1" >&2
    exit 2
}

# An absolute path without a dot before the suffix and without spaces: some generators split paths at dots, or give
# them to a shell without quotes.
plain() {
    case $(dirname -- "$1")/$(basename -- "$1" "${2:-}") in
    *[!A-Za-z0-9_/-]*) fail "$1: only letters, digits, _ and - may be in this path, because of the generator" ;;
    esac
}

absolute() {
    folder=$(cd "$(dirname -- "$1")" && pwd) || fail "$1: there is no such folder"
    echo "$folder/$(basename -- "$1")"
}

route=full
while getopts hc letter; do
    case $letter in
    h) usage && exit 0 ;;
    c) route=crop ;;
    *) usage >&2 && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 3 ] || { usage >&2 && exit 2; }
[ -f "$1" ] || fail "$1: there is no such file"
[ -f "$2" ] || fail "$2: there is no such file"
original=$(absolute "$1")
audio=$(absolute "$2")
output=$(absolute "$3")
[ -n "${GENERATOR:-}" ] || fail "set GENERATOR to the folder of the generator's checkout"
[ -d "$GENERATOR" ] || fail "GENERATOR=$GENERATOR: there is no such folder"
command -v lipblend >/dev/null || fail "lipblend is not on PATH: activate the environment that it is installed in"
PYTHON=${PYTHON:-python}
case $PYTHON in
*/*) PYTHON=$(absolute "$PYTHON") ;; # it is called from the generator's folder
esac
command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON: there is no such program"
work=${WORK:-${output%.*}-work}
mkdir -p "$work"
work=$(absolute "$work")
plain "$work"
