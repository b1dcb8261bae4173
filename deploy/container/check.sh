#!/bin/bash
# Check an image of the service as it is run: read-only, without privileges, one writable volume.
#
#   deploy/container/check.sh [IMAGE]          ENGINE=podman for another engine than docker
set -euo pipefail
engine=${ENGINE:-docker}
image=${1:-acs-sidecar}
name=acs-sidecar-check-$$
limit_mb=200
limit_ms=${LIMIT_MS:-2000}

fail() { echo "FAILED: $*" >&2; exit 1; }
cleanup() { "$engine" rm --force "$name" > /dev/null 2>&1 || true; "$engine" volume rm --force "$name" > /dev/null 2>&1 || true; }
trap cleanup EXIT

size_mb=$(($("$engine" image inspect --format '{{.Size}}' "$image") / 1000000))
((size_mb < limit_mb)) || fail "the image has $size_mb MB, $limit_mb are allowed"
for label in title description licenses version revision created base.name; do
    "$engine" image inspect --format "{{index .Config.Labels \"org.opencontainers.image.$label\"}}" "$image" | grep -q . \
        || fail "the label $label is missing"
done

"$engine" run --detach --name "$name" --network "${NETWORK:-none}" --read-only --tmpfs /tmp --cap-drop all \
    --security-opt no-new-privileges --volume "$name:/var/lib/acs" "$image" > /dev/null
inside() { "$engine" exec "$name" python -c "$1"; }
started=$("$engine" inspect --format '{{json .State.StartedAt}}' "$name" | tr -d '"')
# Asked from inside: each question through the engine would take a part of the processor that the start needs.
ready=$(inside '
import http.client, time
end = time.time() + 30
status = None
while status != 200 and time.time() < end:
    connection = http.client.HTTPConnection("127.0.0.1", 8383)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except OSError:
        time.sleep(0.02)
print(time.time_ns() // 1_000_000)
raise SystemExit(status != 200)
') || { "$engine" logs "$name"; fail "it was not ready after 30 seconds"; }
ready_ms=$((ready - $(date -d "$started" +%s%3N)))
"$engine" exec "$name" acs-probe > /dev/null || fail "the probe does not say that it is ready"
[ "$(inside 'import os; print(os.getuid())')" = 65532 ] || fail "it does not run as uid 65532"
"$engine" exec "$name" sh -c true 2> /dev/null && fail "there is a shell"
inside 'import os; raise SystemExit(not os.statvfs("/").f_flag & os.ST_RDONLY)' || fail "the root file system can be written"
inside 'import json; print(len(json.load(open("/opt/acs/sbom.cdx.json"))["components"]))' | grep -qE '^[1-9]' || fail "the SBOM is empty"
inside 'import ssl; raise SystemExit(ssl.create_default_context().cert_store_stats()["x509_ca"] == 0)' || fail "no authority is trusted"
inside '
import json, urllib.request as u
body = json.dumps({"manifest_ref": "test-double", "snapshot": {"input": {"text": "hello"}}}).encode()
reply = u.urlopen(u.Request("http://127.0.0.1:8383/v1/evaluate/input", body, {"content-type": "application/json"}))
answer = json.load(reply)
assert answer["verdict"]["decision"] == "allow" and answer["audit"]["index"] > 0, answer
' || fail "it does not decide"
"$engine" stop --time 10 "$name" > /dev/null
[ "$("$engine" inspect --format '{{.State.ExitCode}}' "$name")" = 0 ] || fail "it does not stop cleanly"
((ready_ms < limit_ms)) || fail "ready after $ready_ms ms, $limit_ms are allowed"
echo "ok: $size_mb MB, ready after $ready_ms ms, uid 65532, no shell, read-only, decides, stops"
