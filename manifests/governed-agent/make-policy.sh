#!/bin/sh
# Makes `policy.json` and `policy-keys.yaml` anew from `content.json`. The key is gone afterwards: a real one stays
# where the people are who may change the policy, and never beside the agent.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

{
  echo "keys:"
  acs-sidecar sign --key "$work/key.pem" --generate
  echo "    workspaces: [ws_travel]"
} > "$work/policy-keys.yaml"

acs-sidecar policy create --workspace ws_travel --policy-id travel-agents --out "$work/policy.json"
python3 - "$work/policy.json" content.json <<'EDIT'
import json, sys
draft, content = (json.load(open(name)) for name in sys.argv[1:])
json.dump(draft | {"content": content}, open(sys.argv[1], "w"))
EDIT
acs-sidecar policy activate "$work/policy.json" --key "$work/key.pem"
acs-sidecar policy validate "$work/policy.json" --trust "$work/policy-keys.yaml" --workspace ws_travel --format text

mv "$work/policy.json" "$work/policy-keys.yaml" .
