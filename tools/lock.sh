#!/usr/bin/env bash
# Resolve pyproject.toml into requirements/*.txt: exact versions of everything, no index named in them.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
    .tools/bin/uv pip compile --quiet --no-header --no-annotate --python-version 3.11 \
        ${PIP_FIND_LINKS:+--find-links "$PIP_FIND_LINKS"} "$@"
}
compile pyproject.toml --extra classic --extra monitoring --extra pipelines -o requirements/runtime.txt
compile pyproject.toml --extra classic --extra monitoring --extra pipelines --extra rapidocr --group dev -c requirements/runtime.txt -o requirements/dev.txt
# What an image of one role installs: the same versions, only what its role needs.
for role in service mlflow; do
    compile "requirements/roles/$role.in" -c requirements/runtime.txt -o "requirements/roles/$role.txt"
done
# The jobs run everything.
cp requirements/runtime.txt requirements/roles/jobs.txt
# The local build tag of a CPU wheel is this machine's choice, not the lock's.
sed -i 's/+cpu$//' requirements/runtime.txt requirements/dev.txt requirements/roles/*.txt
