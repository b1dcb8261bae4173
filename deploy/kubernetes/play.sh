#!/bin/bash
# Run the pod of an agent with its sidecar without a cluster, and check that both behave as their manifests describe.
#
#   deploy/kubernetes/play.sh          needs podman, kubectl and the image acs-sidecar:0.2.0
#   NETWORK=none …                     for another network than podman's own
set -euo pipefail
cd "$(dirname "$0")"
pod=agent-pod-0
rendered=$(mktemp)
kubectl kustomize podman > "$rendered"
manifests=$(sed -n 's/^  name: \(acs-manifests-.*\)/\1/p' "$rendered")

fail() { podman logs --tail 20 $pod-acs-sidecar; echo "FAILED: $*" >&2; exit 1; }
cleanup() {
    podman kube down "$rendered" > /dev/null 2>&1 || true
    podman volume rm --force "$manifests" > /dev/null 2>&1 || true
    rm "$rendered"
}
trap cleanup EXIT
# within SECONDS COMMAND…: until it succeeds.
within() {
    local end=$((SECONDS + $1))
    until "${@:2}" > /dev/null 2>&1; do ((SECONDS < end)) || return 1; sleep 0.2; done
}
ready() { podman exec $pod-acs-sidecar acs-probe; }
# decides CENTS DECISION: the verdict that the agent gets about a refund.
decides() {
    podman exec $pod-agent python -c '
import json, sys, urllib.request as u
call = {"name": "issue_refund", "args": {"amount_cents": int(sys.argv[1])}}
body = json.dumps({"snapshot": {"envelope": {"agent": {"id": "agent"}}, "tool_call": call}}).encode()
reply = u.urlopen(u.Request("http://127.0.0.1:8383/v1/evaluate/pre_tool_call", body, {"content-type": "application/json"}))
raise SystemExit(json.load(reply)["verdict"]["decision"] != sys.argv[2])
' "$@"
}

podman kube play ${NETWORK:+--network "$NETWORK"} "$rendered" > /dev/null
within 30 ready || fail "the sidecar is not ready"
decides 100 allow && decides 60000 deny || fail "the agent does not get its verdicts"
podman exec $pod-acs-sidecar python -c 'import os; raise SystemExit(not os.statvfs("/").f_flag & os.ST_RDONLY)' \
    || fail "the root file system can be written"
# A change of the ConfigMap, as the pod sees it.
podman run --rm --network none --volume "$manifests:/manifests" "$(podman inspect --format '{{.Image}}' $pod-agent)" \
    sed -i 's/> 50000/> 70000/' /manifests/manifest.yaml
within 15 decides 60000 allow || fail "it does not follow its ConfigMap"
# As a crash: podman's own kill would be an order to stay down.
kill -KILL "$(podman inspect --format '{{.State.Pid}}' $pod-acs-sidecar)"
within 30 ready && (($(podman inspect --format '{{.RestartCount}}' $pod-acs-sidecar) == 1)) || fail "it does not come back"
decides 60000 allow || fail "it came back with something else"
echo "ok: answers the agent, read-only, follows its ConfigMap, comes back after a crash"
