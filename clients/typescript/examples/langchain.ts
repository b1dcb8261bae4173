/**
 * A LangChain agent whose every step is evaluated: run `acs-sidecar serve --manifests manifests` beside it.
 *
 * The model is scripted, so that the example runs offline; put your own in its place.
 */

import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Client } from "acs-sidecar-client";
import { acsMiddleware } from "acs-sidecar-client/langchain";
import { AIMessage, createAgent, tool, type BaseMessage } from "langchain";
import { z } from "zod";

const issueRefund = tool(({ order_id, amount, currency }) => `refunded ${amount} ${currency} for order ${order_id}`, {
  name: "issue_refund",
  description: "Refund an order.",
  schema: z.object({ order_id: z.string(), amount: z.number(), currency: z.string() }),
});

/** Asks for a refund that is too large, then answers. */
class ScriptedModel extends FakeListChatModel {
  override bindTools(): this {
    return this;
  }

  override async _generate(messages: BaseMessage[]) {
    const isFirst = messages.length === 1;
    const args = { order_id: "1042", amount: 5000, currency: "EUR" };
    const message = isFirst
      ? new AIMessage({ content: "", tool_calls: [{ id: "call-1", name: "issue_refund", args, type: "tool_call" }] })
      : new AIMessage("I cannot. Write to jo@example.com");
    return { generations: [{ text: message.text, message }] };
  }
}

const client = new Client({ manifest: "support-agent" });
await client.session("support-1", { tools: ["issue_refund"] }).run(async (session) => {
  const model = new ScriptedModel({ responses: [] });
  const agent = createAgent({ model, tools: [issueRefund], middleware: [acsMiddleware(session)] });
  const { messages } = await agent.invoke({ messages: [{ role: "user", content: "Refund order 1042" }] });
  for (const message of messages.slice(-2)) {
    console.log(`${message.getType() === "ai" ? "agent" : "tool"}: ${message.text}`);
  }
});
