/**
 * An agent of the OpenAI Agents SDK whose every step is evaluated: run `acs-sidecar serve --manifests manifests`
 * beside it.
 *
 * The model is scripted, so that the example runs offline; put your own in its place.
 */

import { Agent, Runner, tool } from "@openai/agents";
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing";
import { Client } from "acs-sidecar-client";
import { govern } from "acs-sidecar-client/openai-agents";
import { z } from "zod";

const issueRefund = tool({
  name: "issue_refund",
  description: "Refund an order.",
  parameters: z.object({ order_id: z.string(), amount: z.number(), currency: z.string() }),
  execute: ({ order_id, amount, currency }) => `refunded ${amount} ${currency} for order ${order_id}`,
});
const args = { order_id: "1042", amount: 5000, currency: "EUR" };
const model = new ScriptedModel([
  [functionCall("issue_refund", args, { callId: "call-1" })],
  [assistantMessage("I cannot. Write to jo@example.com")],
]);

const client = new Client({ manifest: "support-agent" });
await client.session("support-1", { tools: ["issue_refund"] }).run(async (session) => {
  const agent = govern(session, new Agent({ name: "support", model, tools: [issueRefund] }));
  const result = await new Runner({ tracingDisabled: true }).run(agent, "Refund order 1042");
  for (const item of result.newItems) if (item.type === "tool_call_output_item") console.log(`tool: ${item.output}`);
  console.log(`agent: ${result.finalOutput}`);
});
