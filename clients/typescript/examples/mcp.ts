/**
 * A server of the Model Context Protocol whose every call is evaluated: run `acs-sidecar serve --manifests manifests`
 * beside it. Server and client are one process here; put a transport of your own in between.
 */

import { Client as McpClient, InMemoryTransport } from "@modelcontextprotocol/client";
import { McpServer } from "@modelcontextprotocol/server";
import { Client } from "acs-sidecar-client";
import { governServer } from "acs-sidecar-client/mcp";
import { z } from "zod";

const server = new McpServer({ name: "support", version: "1.0.0" });
const inputSchema = z.object({ order_id: z.string(), amount: z.number(), currency: z.string() });
server.registerTool("issue_refund", { description: "Refund an order.", inputSchema }, ({ amount, currency }) => ({
  content: [{ type: "text", text: `refunded ${amount} ${currency}` }],
}));

const client = new Client({ manifest: "support-agent" });
await client.session("support-1", { tools: ["issue_refund"] }).run(async (session) => {
  governServer(session, server);
  const caller = new McpClient({ name: "caller", version: "1.0.0" });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), caller.connect(near)]);
  for (const amount of [5, 5000]) {
    const args = { order_id: "1042", amount, currency: "EUR" };
    const { content } = await caller.callTool({ name: "issue_refund", arguments: args });
    for (const part of content) if (part.type === "text") console.log(`tool: ${part.text}`);
  }
  await caller.close();
});
