#!/usr/bin/env bash
# Roll the images of REVISION out to ENVIRONMENT's overlay, and wait until every replica is ready.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${ENVIRONMENT:?staging or prod}" "${REVISION:?the commit whose images are rolled out}" "${REGISTRY:?where the images are}"

overlay=deploy/kustomize/overlays/$ENVIRONMENT
[[ -d $overlay ]] || { echo "deploy: no overlay $overlay" >&2; exit 2; }
manifest=$(mktemp)
trap 'rm -f "$manifest"' EXIT
# The tags of the checkout become those of the revision; everything else is as it was reviewed.
kubectl kustomize "$overlay" | sed -E "s#image: [^ ]*groundwork/(service|jobs|mlflow):[^ ]+#image: $REGISTRY/groundwork/\1:$REVISION#" > "$manifest"
namespace=$(awk '/^kind: Namespace/{found=1} found && /^  name:/{print $2; exit}' "$manifest")
kubectl diff -f "$manifest" || true
# A job cannot be changed: it is made anew.
kubectl -n "$namespace" delete job groundwork-schedules --ignore-not-found
kubectl apply -f "$manifest"
for workload in statefulset/groundwork deployment/groundwork-slack deployment/mlflow; do
    kubectl -n "$namespace" rollout status "$workload" --timeout=15m
done
