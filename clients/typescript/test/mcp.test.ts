/** Servers and clients of the Model Context Protocol in one process, governed (section 12.8). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client as McpClient, InMemoryTransport, type CallToolResult } from "@modelcontextprotocol/client";
import { McpServer } from "@modelcontextprotocol/server";
import { Client, Unavailable, type JsonObject } from "acs-sidecar-client";
import { governClient, governServer, type IntegrationOptions } from "acs-sidecar-client/mcp";
import { z } from "zod";
import { blockOf, cuttable, RUN, SERVICE } from "./support.js";

const ran: unknown[] = [];
const note = (call: unknown[], text: string): CallToolResult => {
  ran.push(call);
  return { content: [{ type: "text", text }] };
};

function server(): McpServer {
  const made = new McpServer({ name: "s", version: "1" });
  made.registerTool("search", { inputSchema: z.object({ q: z.string() }) }, ({ q }) => note(["search", q], `found secret-123 for ${q}`));
  made.registerTool("send_email", { inputSchema: z.object({ to: z.string() }) }, ({ to }) => note(["send_email", to], `sent to ${to}`));
  made.registerTool("delete_file", { inputSchema: z.object({}) }, () => note(["delete_file"], "gone"));
  made.registerTool("pay", { inputSchema: z.object({ amount: z.number() }) }, ({ amount }) => note(["pay", amount], "paid"));
  made.registerTool("odd", { inputSchema: z.object({}) }, () => note(["odd"], "done"));
  made.registerTool("fail", { inputSchema: z.object({}) }, () => {
    throw new TypeError("it is broken");
  });
  made.registerTool("broken", { inputSchema: z.object({ text: z.string() }) }, ({ text }) => {
    return { content: [{ type: "text", text }], structuredContent: { found: "secret-123" }, isError: true };
  });
  made.registerTool("annotated", { inputSchema: z.object({}) }, () => {
    const _meta = { found: "secret-123" };
    const annotations = { audience: ["user" as const], lastModified: "2026-01-01T00:00:00Z" };
    return { content: [{ type: "text", text: "fine", annotations, _meta }], _meta };
  });
  const outputSchema = z.object({ text: z.string(), count: z.number() });
  made.registerTool("report", { inputSchema: z.object({}), outputSchema }, () => {
    const structuredContent = { text: "secret-123", count: 1 };
    return { content: [{ type: "text", text: JSON.stringify(structuredContent) }], structuredContent };
  });
  return made;
}

type Side = "server" | "client";

async function connected(side: Side, url = SERVICE, options: IntegrationOptions = {}): Promise<McpClient> {
  ran.length = 0;
  const session = new Client({ url, manifest: "governed" }).session("a", { points: RUN as never });
  const made = server();
  const client = new McpClient({ name: "c", version: "1" });
  const [near, far] = InMemoryTransport.createLinkedPair();
  if (side === "server") governServer(session, made, options);
  await Promise.all([made.connect(far), client.connect(near)]);
  return side === "client" ? governClient(session, client, options) : client;
}

const textOf = (result: CallToolResult): string =>
  result.content.map((part) => (part.type === "text" ? part.text : part.type)).join();

const CASES: [string, JsonObject, unknown[], string, boolean][] = [
  ["search", { q: "x" }, [["search", "x"]], "found [secret] for x", false],
  ["odd", {}, [["odd"]], "done", false],
  ["delete_file", {}, [], "denied by policy: no_deletes: Nothing is deleted.", true],
  ["pay", { amount: 7 }, [], "needs approval: pays", true],
  ["send_email", { to: "x@example.org" }, [["send_email", "team@example.com"]], "sent to team@example.com", false],
];

for (const side of ["server", "client"] as const) {
  for (const [name, args, expected, said, isError] of CASES) {
    test(`${side}: ${name}`, async () => {
      const client = await connected(side);
      const result = await client.callTool({ name, arguments: args });
      assert.deepEqual([ran, textOf(result), result.isError ?? false], [expected, said, isError]);
      if (name === "pay") assert.equal((result._meta?.["acs/ticket"] as JsonObject)["point"], "pre_tool_call");
    });
  }

  test(`${side}: a structured result changes in both its copies`, async () => {
    const result = await (await connected(side)).callTool({ name: "report", arguments: {} });
    assert.deepEqual(result.structuredContent, { text: "[secret]", count: 1 });
    assert.deepEqual(JSON.parse(textOf(result)), { text: "[secret]", count: 1 });
  });

  test(`${side}: what a tool throws is evaluated`, async () => {
    const result = await (await connected(side)).callTool({ name: "fail", arguments: {} });
    assert.deepEqual([textOf(result), result.isError], ["it is broken", true]);
  });

  test(`${side}: what stands beside the text of an error is evaluated`, async () => {
    for (const text of ["fine", "secret-123"]) {
      const result = await (await connected(side)).callTool({ name: "broken", arguments: { text } });
      assert.deepEqual([textOf(result), result.structuredContent, result.isError], ["error withheld", undefined, true]);
    }
  });

  test(`${side}: what stands beside a result is withheld`, async () => {
    const { content, _meta } = await (await connected(side)).callTool({ name: "annotated", arguments: {} });
    assert.deepEqual(content, [{ type: "text", text: "fine", annotations: { audience: ["user"] } }]);
    assert.equal(_meta?.["found"], undefined);
  });

  test(`${side}: without a service no tool runs`, async () => {
    const { url, cut } = await cuttable();
    const client = await connected(side, url);
    await client.callTool({ name: "odd", arguments: {} });
    cut();
    ran.length = 0;
    const result = await client.callTool({ name: "odd", arguments: {} });
    assert.match(textOf(result), /^denied by policy: runtime_error:policy_invocation_failed/);
    assert.deepEqual(ran, []);
  });
}

test("a client can be told to throw", async () => {
  const { url, cut } = await cuttable();
  const client = await connected("client", url, { onBlock: "raise" });
  assert.equal((await blockOf(() => client.callTool({ name: "delete_file", arguments: {} }))).decision.reason, "no_deletes");
  cut();
  assert.ok((await blockOf(() => client.callTool({ name: "odd", arguments: {} }))) instanceof Unavailable);
});

test("there is no way around a governed client, and none to govern a server without tools", async () => {
  const client = await connected("client");
  const call = { method: "tools/call" as const, params: { name: "delete_file", arguments: {} } };
  assert.equal((await blockOf(() => client.request(call as never, undefined as never))).cause, "ungoverned");
  assert.ok((await client.listTools()).tools.length > 0);
  const session = new Client({ url: SERVICE, manifest: "governed" }).session("a");
  const empty = new McpServer({ name: "s", version: "1" });
  assert.equal((await blockOf(() => governServer(session, empty))).cause, "ungoverned");
});

test("a handler that is registered on a governed server is governed", async () => {
  ran.length = 0;
  const made = server();
  governServer(new Client({ url: SERVICE, manifest: "governed" }).session("a"), made);
  made.server.setRequestHandler("tools/call", () => note(["delete_file"], "gone"));
  const client = new McpClient({ name: "c", version: "1" });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([made.connect(far), client.connect(near)]);
  const result = await client.callTool({ name: "delete_file", arguments: {} });
  assert.match(textOf(result), /^denied by policy: no_deletes/);
  assert.deepEqual(ran, []);
});
