/**
 * An agent of the AI SDK whose every step is evaluated: run `acs-sidecar serve --manifests manifests` beside it.
 *
 * The model is scripted, so that the example runs offline; put your own in its place.
 */

import { generateText, isStepCount, tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { Client } from "acs-sidecar-client";
import { governModel, governTools } from "acs-sidecar-client/ai";
import { z } from "zod";

const issueRefund = tool({
  description: "Refund an order.",
  inputSchema: z.object({ order_id: z.string(), amount: z.number(), currency: z.string() }),
  execute: async ({ order_id, amount, currency }) => `refunded ${amount} ${currency} for order ${order_id}`,
});

const count = { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0, text: 1, reasoning: 0 };
const usage = { inputTokens: count, outputTokens: count };
const input = JSON.stringify({ order_id: "1042", amount: 5000, currency: "EUR" });
const scripted = new MockLanguageModelV4({
  doGenerate: [
    {
      content: [{ type: "tool-call", toolCallId: "call-1", toolName: "issue_refund", input }],
      finishReason: { unified: "tool-calls", raw: undefined },
      usage,
      warnings: [],
    },
    {
      content: [{ type: "text", text: "I cannot. Write to jo@example.com" }],
      finishReason: { unified: "stop", raw: undefined },
      usage,
      warnings: [],
    },
  ],
});

const client = new Client({ manifest: "support-agent" });
await client.session("support-1", { tools: ["issue_refund"] }).run(async (session) => {
  const result = await generateText({
    model: governModel(session, scripted),
    tools: governTools(session, { issue_refund: issueRefund }),
    prompt: "Refund order 1042",
    stopWhen: isStepCount(5),
  });
  for (const { content } of result.steps) {
    for (const part of content) if (part.type === "tool-error") console.log(`tool: ${(part.error as Error).message}`);
  }
  console.log(`agent: ${result.text}`);
});
