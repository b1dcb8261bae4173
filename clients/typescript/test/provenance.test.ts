/** Where the data of a session came from, to the byte (section 12.4). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "acs-sidecar-client";
import { SERVICE, VECTORS } from "./support.js";

for (const index of [0, 1]) {
  test(`V4: a session says where its data came from within ${VECTORS.V4.bounds[index]} bytes`, async () => {
    const { bounds, labels, input, results, members } = VECTORS.V4;
    const sent: string[] = [];
    let given: string[] = [];
    const answering = new Client({
      url: SERVICE,
      fetch: async (_, init) => {
        const body = String(init?.body);
        sent.push(body);
        const { intervention_point, request_id } = JSON.parse(body);
        const verdict = { decision: "allow", result_labels: given };
        return Response.json({ verdict, intervention_point, request_id, mode: "enforce", policy_id: "p" });
      },
    });
    const session = answering.session("a", {
      points: ["input", "post_tool_call", "output"],
      labels,
      provenance: bounds[index],
    });
    await session.input(input);
    await session.input("a form of the host", "webhook");
    for (const { name, args, id, value, labels: itsLabels } of results) {
      given = itsLabels;
      await session.postToolCall(name, args, value, { id });
    }
    await session.output("done");
    const member = /"provenance":(\{.*\}),"response"/.exec(sent.at(-1) ?? "")?.[1] ?? "";
    assert.equal(member, members[index]);
    assert.ok(new TextEncoder().encode(member).length <= (bounds[index] as number));
    const restored = answering.restore(JSON.parse(JSON.stringify(session.export())), {
      points: ["output"],
      provenance: bounds[index],
    });
    await restored.output("done");
    const again = /"provenance":(\{.*\}),"response"/.exec(sent.at(-1) ?? "")?.[1] ?? "";
    assert.deepEqual(JSON.parse(again).user, JSON.parse(member).user);
  });
}
