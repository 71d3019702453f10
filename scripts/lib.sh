# Shared by the scripts beside it; sourced, not run.
# shellcheck shell=bash

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

# say TEXT…: one line to the user, on standard error, so that standard output stays the program's.
say() {
    if [ -t 2 ]; then printf '\033[1m==> %s\033[0m\n' "$*" >&2; else printf '==> %s\n' "$*" >&2; fi
}

# die TEXT…: says what is wrong and what to type next, and ends with exit code 1.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# have COMMAND: whether there is such a command; looks where Debian puts daemons too.
have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND…: runs it as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        die "not root, and there is no sudo. As root, run: $*"
    fi
}

# guest_folder: where the parts of the virtual machine of make test-bypass are.
guest_folder() { printf '%s\n' "${CARGO_TARGET_DIR:-$ROOT/target}/guest"; }

# step NAME COMMAND…: runs a step, says how long it took, or which one failed.
step() {
    local begin=$SECONDS
    STEP=$1
    shift
    say "$STEP"
    "$@"
    say "$STEP: passed in $((SECONDS - begin)) s"
    STEP=
}
STEP=
trap '[ $? -eq 0 ] || [ -z "$STEP" ] || printf "error: failed: %s\n" "$STEP" >&2' EXIT
