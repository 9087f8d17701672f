#!/usr/bin/env bash
# Make .venv from the committed lock: `tools/setup.sh runtime` or `tools/setup.sh dev`.
#
# PyTorch has a CPU build and several gigabytes of GPU builds. Where PIP_FIND_LINKS names a folder with a build, that
# one is taken; otherwise uv picks the build that fits this machine's processor or GPU, and where it cannot
# reach that, whatever the package index offers.
set -euo pipefail
cd "$(dirname "$0")/.."

set_of=${1:?runtime or dev}
uv_version=0.13.9
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "groundwork needs Python 3.11 or later; $("$python" --version) found. Set PYTHON=…" >&2
    exit 1
}
if [[ "$(.tools/bin/uv --version 2>/dev/null)" != "uv $uv_version"* ]]; then
    echo "setup: uv $uv_version"
    "$python" -m venv .tools
    .tools/bin/pip install --quiet --disable-pip-version-check "uv==$uv_version"
fi
[[ -x .venv/bin/python ]] || .tools/bin/uv venv --quiet --python "$("$python" -c 'import sys; print(sys.executable)')" .venv

install() {
    .tools/bin/uv pip install --quiet --python .venv/bin/python --compile-bytecode -r "requirements/$set_of.txt" "$@"
}

echo "setup: installing requirements/$set_of.txt"
if [[ -n "${PIP_FIND_LINKS:-}" ]]; then
    install --find-links "$PIP_FIND_LINKS"
else
    install --torch-backend=auto 2>/dev/null || install
fi
.tools/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
touch .venv/.runtime
[[ "$set_of" == dev ]] && touch .venv/.dev
echo "setup: done"
