#!/usr/bin/env bash
# Look every locked dependency up in the advisories of PyPI and OSV; fails on any that is not argued away in
# docs/decisions/audit.md, and where a package could not be looked up: silence is no clean bill.
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.10.1
ignored=()
while read -r advisory; do
    ignored+=(--ignore-vuln "$advisory")
done < <(grep -oE '^\| (GHSA|PYSEC|CVE)-[A-Za-z0-9-]+' docs/decisions/audit.md | cut -c3- || true)

status=0
for file in requirements/runtime.txt requirements/dev.txt; do
    echo "audit: $file"
    .tools/bin/uv tool run "pip-audit@$version" --requirement "$file" --no-deps --disable-pip --strict \
        --progress-spinner off ${ignored[@]+"${ignored[@]}"} || status=1
done
exit $status
