#!/usr/bin/env bash
# Make .litellm: LiteLLM's proxy in an environment of its own, for `make bench BENCH=gateway` to compare with.
# Its pins conflict with those of the service. Run again at any time: what is done is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.108.7
stamp=".litellm/.ready-$version"
[[ -f "$stamp" ]] && exit 0
[[ -x .tools/bin/uv ]] || {
    echo "litellm: .tools/bin/uv is missing; run \`make test\` once, or tools/setup.sh dev" >&2
    exit 1
}
[[ -x .litellm/bin/python ]] || .tools/bin/uv venv --quiet --python .venv/bin/python .litellm
echo "litellm: installing LiteLLM's proxy $version into .litellm" >&2
.tools/bin/uv pip install --quiet --python .litellm/bin/python --compile-bytecode "litellm[proxy]==$version"
touch "$stamp"
