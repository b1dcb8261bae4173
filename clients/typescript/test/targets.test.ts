/** What a transform is of is the manifest's own policy target, however a session knows its points (section 12.5). */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, Unavailable } from "acs-sidecar-client";
import { blockOf, Canned } from "./support.js";

let server: Canned;
before(async () => {
  server = await Canned.start();
});
after(() => server.end());

const POINT = { intervention_point: "pre_tool_call", manifest_digest: "sha256:1" };
const applied = (target: unknown, more: object = {}): object => ({
  ...POINT,
  verdict: { decision: "transform" },
  transformed_policy_target_applied: true,
  transformed_policy_target: target,
  ...more,
});
const told = (path: unknown, more: object = {}): object => ({
  ...POINT,
  mode: "evaluate_only",
  verdict: { decision: "allow" },
  policy_input: { policy_target: { path } },
  ...more,
});

async function answered(points: ["pre_tool_call"] | undefined, ...bodies: unknown[]): Promise<unknown> {
  await server.answer(...bodies.map((body) => ({ body })));
  const client = new Client({ url: server.url });
  try {
    return (await client.session("a", { points }).preToolCall("search", { q: "x" })).value;
  } finally {
    client.close();
  }
}

test("a tool runs with what stands at its arguments after a transform of another target", async () => {
  const call = { name: "search", args: { q: "called" } };
  assert.deepEqual(await answered(["pre_tool_call"], applied(call), told("$snap.tool_call")), { q: "called" });
  const { requests } = await server.seen();
  assert.ok(requests[1]?.includes('"include":["policy_input"]') && requests[1].includes('"mode":"evaluate_only"'));
});

test("a target that cannot be learnt, or is of another manifest, is no permit", async () => {
  for (const answer of [told(undefined), told(3), told("$snap.tool_call.args", { manifest_digest: "sha256:2" })]) {
    const blocked = await blockOf(() => answered(["pre_tool_call"], applied({ q: "y" }), answer));
    assert.ok(blocked instanceof Unavailable);
    assert.deepEqual(
      [blocked.cause, blocked.decision.message],
      ["protocol", "the policy target of the manifest cannot be learnt"],
    );
  }
});

test("a verdict of a manifest that was loaded in between is put back by the target of that one", async () => {
  const listed = { name: "m", digest: "sha256:1", points: ["pre_tool_call"], default: true };
  const binding = { pre_tool_call: { policy_target: "$snap.tool_call.args" } };
  const held = { digest: "sha256:1", manifest: { intervention_points: binding } };
  const newer = { manifest_digest: "sha256:2" };
  const call = { name: "search", args: { q: "called" } };
  const answers = [{ manifests: [listed] }, held, applied(call, newer), told("$snap.tool_call", newer)];
  assert.deepEqual(await answered(undefined, ...answers), { q: "called" });
});
