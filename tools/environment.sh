#!/usr/bin/env bash
# Make the virtual environment and install Hamiltone into it, with the extras that are named: environment.sh test,lint
# Done again only when the extras or the files that decide them have changed; a run that failed is simply run again.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=$1
python=${PYTHON:-python3}
environment=${VENV:-.venv}
needed_gigabytes=6

fail() { echo "make: $1" >&2; exit 1; }
command -v "$python" >/dev/null 2>&1 || fail "$python was not found; install Python 3.11 or newer, or say PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old; install Python 3.11 or newer, or say PYTHON=..."
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv module; install it (on Debian: apt install python3-venv)"

stamp="$environment/.installed-${extras//,/-}"
wanted=$(cat pyproject.toml constraints.txt | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

free=$("$python" -c 'import shutil; print(shutil.disk_usage(".").free >> 30)')
[ "$free" -ge "$needed_gigabytes" ] || fail "only $free GiB of disk are free here; $needed_gigabytes are needed"
"$environment/bin/python" -c 'import pip' 2>/dev/null || "$python" -m venv --clear "$environment" ||
    fail "the virtual environment $environment could not be made; remove it and try again"
# Where there is no GPU, PyTorch's small build is all that is needed; the usual one brings gigabytes of CUDA. Where its
# place cannot be reached, pip would ask for it again and again, so it is left out.
small=https://download.pytorch.org/whl/cpu
index=()
if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1 &&
    "$python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$small/" 2>/dev/null; then
    index=(--extra-index-url "$small")
fi
echo "installing Hamiltone with $extras into $environment (a few minutes)"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    "${index[@]}" --constraint constraints.txt --editable ".[$extras]" ||
    fail "the installation failed (see above); mend it and run the same command again"
# Of Resemblyzer the weights alone are read: what its code needs, a compiler among it, is left out.
[[ ",$extras," != *,test,* ]] || "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --constraint constraints.txt resemblyzer || fail "the weights that tell voices apart were not installed"
echo "$wanted" >"$stamp"
