#!/usr/bin/env bash
# Serve a real model with vLLM on this machine's GPU, and Groundwork in front of it; both stop together.
#
#   MODEL           the model's name on a hub, or a folder      (Qwen/Qwen2.5-7B-Instruct)
#   ENGINE_PORT     vLLM's port on loopback                     (8000)
#   ENGINE_ARGS     further options of `vllm serve`
#   ENGINE_BIN        an installed vllm to use instead of .vllm-gpu
#   READY_SECONDS   how long loading may take, the download included (1800)
#
# Groundwork's own settings are GROUNDWORK_* as always. Needs .venv: `make run-gpu` makes it.
set -euo pipefail
cd "$(dirname "$0")/.."

model=${MODEL:-Qwen/Qwen2.5-7B-Instruct}
port=${ENGINE_PORT:-8000}
bin=${ENGINE_BIN:-.vllm-gpu/bin/vllm}
deadline=$((SECONDS + ${READY_SECONDS:-1800}))
version=0.32.0

if [[ -z "${ENGINE_BIN:-}" && ! -f ".vllm-gpu/.ready-$version" ]]; then
    command -v nvidia-smi >/dev/null || {
        echo "run-gpu: no nvidia-smi, so no NVIDIA GPU to serve on; \`make run\` needs none" >&2
        exit 1
    }
    echo "run-gpu: installing vllm $version into .vllm-gpu (several gigabytes, once)" >&2
    [[ -x .vllm-gpu/bin/python ]] || .tools/bin/uv venv --quiet --python .venv/bin/python .vllm-gpu
    .tools/bin/uv pip install --python .vllm-gpu/bin/python --compile-bytecode --torch-backend=auto "vllm==$version"
    touch ".vllm-gpu/.ready-$version"
fi

# Each job gets a process group of its own, so that a signal reaches all of its children and nobody else.
set -m
engine= service=
# Tenths of a second that either may take to end. vLLM ignores a polite end while it loads.
patience=20
finish() {
    trap - EXIT INT TERM
    for job in $service $engine; do
        kill -TERM -- "-$job" 2>/dev/null || true
        for ((waited = 0; waited < patience; waited++)); do
            kill -0 -- "-$job" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$job" 2>/dev/null || true
    done
    wait 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

healthy() {
    .venv/bin/python -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' \
        "http://127.0.0.1:$port/health" 2>/dev/null
}
if healthy; then
    echo "run-gpu: something answers on port $port already; set ENGINE_PORT to another one" >&2
    exit 1
fi

echo "run-gpu: starting vLLM with $model" >&2
# shellcheck disable=SC2086  # ENGINE_ARGS is a list of options
VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 "$bin" serve "$model" --config deploy/vllm/serve.yaml --port "$port" \
    ${ENGINE_ARGS:-} &
engine=$!
until healthy; do
    kill -0 "$engine" 2>/dev/null || {
        echo "run-gpu: vLLM ended before it was ready; its last lines say why" >&2
        exit 1
    }
    ((SECONDS < deadline)) || {
        echo "run-gpu: vLLM is not ready in time; set READY_SECONDS higher for a large download" >&2
        exit 1
    }
    sleep 1
done

# Longer than serve.yaml's shutdown-timeout.
patience=300
echo "run-gpu: vLLM is ready; starting Groundwork" >&2
GROUNDWORK_GENERATOR__URL="http://127.0.0.1:$port/v1" .venv/bin/groundwork up --first-answer &
service=$!
status=0
wait -n "$engine" "$service" || status=$?
echo "run-gpu: one of the two has ended; stopping the other" >&2
exit "$status"
