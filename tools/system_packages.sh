#!/usr/bin/env bash
# The system programs that tests start for real: says which are missing, or with --install installs them (Debian, Ubuntu).
set -euo pipefail

packages=()
want() { # want PROGRAM PACKAGE
    command -v "$1" >/dev/null || packages+=("$2")
}
want chromium chromium
want git git
want promtool prometheus
want prometheus-alertmanager prometheus-alertmanager
want tesseract tesseract-ocr
want kubectl kubernetes-client
# The ledger's and the registry's tests start a server of their own; it is not on the PATH.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || packages+=(postgresql)
# Fonts that cards are drawn with; a few are enough for the tests.
compgen -G "/usr/share/fonts/truetype/dejavu/*" >/dev/null || packages+=(fonts-dejavu-core)
compgen -G "/usr/share/fonts/truetype/liberation*/*" >/dev/null || packages+=(fonts-liberation)

((${#packages[@]})) || exit 0
if [[ "${1:-}" != --install ]]; then
    echo "missing: ${packages[*]}"
    exit 0
fi
sudo=$([[ $EUID == 0 ]] || echo sudo)
$sudo apt-get update -qq
# Debian's packages start their servers at once otherwise, on the ports that tests do not expect.
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
