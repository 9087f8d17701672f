#!/usr/bin/env bash
# Back to the images before the last roll-out of ENVIRONMENT. Releases are rolled back by `groundwork release rollback`.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${ENVIRONMENT:?staging or prod}"

namespace=$(kubectl kustomize "deploy/kustomize/overlays/$ENVIRONMENT" |
    awk '/^kind: Namespace/{found=1} found && /^  name:/{print $2; exit}')
kubectl -n "$namespace" rollout undo statefulset/groundwork
kubectl -n "$namespace" rollout status statefulset/groundwork --timeout=15m
