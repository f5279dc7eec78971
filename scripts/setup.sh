# Sourced by the other scripts: creates and updates .venv in the checkout. POSIX sh; all messages go to stderr.
#
#   root            the checkout
#   prepare run     installs lipblend
#   prepare EXTRA   installs lipblend with an extra of pyproject.toml: dev for the tests, docs for the documentation
#   venv_python     afterwards, the environment's Python
#   use_venv NAME   before prepare: an environment other than .venv
#
# LIPBLEND_PYTHON names the Python to use; by default it is the newest of 3.13 to 3.11 that works.

root=$(CDPATH='' cd -- "$(dirname -- "${launcher:-$0}")/.." && pwd) || exit 1

use_venv() {
    venv=$root/$1
    venv_python=$venv/bin/python
    lock=$venv.lock
    log=$venv-setup.log
}
use_venv .venv

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# Sets `python`. A name on the PATH may be a stand-in that does not run, so each is tried.
find_python() {
    found_without_venv=
    for python in ${LIPBLEND_PYTHON:-python3.13 python3.12 python3.11 python3}; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
        found_without_venv=$python
    done
    [ -z "$found_without_venv" ] ||
        fail "$found_without_venv has no venv or ensurepip module. Install it (Debian, Ubuntu: apt install python3-venv)."
    fail "no Python 3.11 or newer found${LIPBLEND_PYTHON:+ as $LIPBLEND_PYTHON}. Install one, or name it: LIPBLEND_PYTHON=/path/to/python3"
}

# The stamp names the kind and the state of the files that decide what is installed, and where the checkout lies.
stamp_text() {
    printf '%s %s\n' "$1" "$root"
    cksum <"$root/pyproject.toml"
    cksum <"$root/constraints.txt"
}

is_ready() {
    [ -x "$venv_python" ] && [ -f "$venv/stamp" ] || return 1
    [ "$(cat "$venv/stamp")" = "$(stamp_text "$1")" ] && return
    [ "$1" = run ] && [ "$(cat "$venv/stamp")" = "$(stamp_text dev)" ] # which includes it
}

# Two scripts started at once must not both write .venv: the second waits for the first.
take_lock() {
    waiting=
    until mkdir "$lock" 2>/dev/null; do
        [ -d "$lock" ] || [ -w "$root" ] || fail "cannot write into $root"
        holder=$(cat "$lock/pid" 2>/dev/null)
        if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
            # Left behind by a process that is gone, or held by somebody else's.
            rm -rf "$lock" 2>/dev/null || fail "$lock was made by another user; delete it as that user when no set-up is running"
            continue
        fi
        [ -n "$waiting" ] || printf 'lipblend: waiting for another set-up of %s (if there is none, delete %s)\n' "$venv" "$lock" >&2
        waiting=yes
        sleep 1
    done
    printf '%s\n' $$ >"$lock/pid"
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

drop_lock() {
    rm -rf "$lock"
    trap - EXIT INT TERM
}

# Sets `owner` to who a file belongs to.
owner_of() {
    owner=$(ls -ld "$1" 2>/dev/null) || return
    owner=${owner#* }; owner=${owner#"${owner%%[! ]*}"} # past the rights
    owner=${owner#* }; owner=${owner#"${owner%%[! ]*}"} # past the number of links
    owner=${owner%% *}
}

# A set-up with sudo leaves files that its user can neither read nor replace.
check_rights() {
    for place in "$venv" "$log"; do
        [ -e "$place" ] || continue
        [ -r "$place" ] && [ -w "$place" ] && { [ ! -d "$place" ] || [ -x "$place" ]; } && continue
        owner_of "$place"
        fail "$place belongs to ${owner:-another user} and you may not replace it; delete it as that user, or use a checkout of your own"
    done
}

prepare() {
    is_ready "$1" && return
    check_rights
    take_lock
    if ! is_ready "$1"; then
        # A command may be running in the environment of the same requirements: what it lacks is added, nothing is replaced.
        if is_ready run; then extend "$1"; else install "$1"; fi
    fi
    drop_lock
}

extend() {
    printf 'lipblend: adding to %s (%s), once; this takes a minute\n' "$venv" "$1" >&2
    # Its name and not its folder: lipblend is installed, and stays as it is.
    pip_install "lipblend[$1]"
    stamp_text "$1" >"$venv/stamp"
}

pip_install() {
    if ! "$venv_python" -m pip install --disable-pip-version-check -c "$root/constraints.txt" "$@" >"$log" 2>&1; then
        if grep -Eqi 'NewConnectionError|ConnectTimeout|name resolution|ProxyError|Network is unreachable' "$log"; then
            fail "cannot reach the Python package index; check the network (all of it: $log)"
        fi
        fail "pip could not install lipblend: $(grep -i '^error' "$log" | head -n 1) (all of it: $log)"
    fi
    rm -f "$log"
}

install() {
    # An environment of the user's own must not be wiped; ours has a stamp from its first moment on.
    [ ! -e "$venv" ] || [ -f "$venv/stamp" ] || fail "$venv was not made by these scripts; move it away first"
    find_python
    printf 'lipblend: setting up %s with %s (%s), once; this takes a minute or two\n' "$venv" "$("$python" -V 2>&1)" "$1" >&2
    rm -rf "$venv" 2>/dev/null || fail "cannot replace $venv: some of it belongs to another user (or was made with sudo). Delete it as that user"
    mkdir "$venv" && echo unfinished >"$venv/stamp" || fail "cannot write $venv"
    "$python" -m venv "$venv" >"$log" 2>&1 || fail "cannot make $venv: $(tail -n 1 "$log") (all of it: $log)"
    target=$root
    [ "$1" = run ] || target="$root[$1]"
    pip_install -e "$target"
    stamp_text "$1" >"$venv/stamp"
}
