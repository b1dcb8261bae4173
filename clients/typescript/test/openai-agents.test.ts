/** The OpenAI Agents SDK with its own scripted model, governed (section 12.8). */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Agent,
  handoff,
  hostedMcpTool,
  RunContext,
  Runner,
  tool,
  type AgentInputItem,
  type FunctionTool,
  type Model,
  type RunState,
  type StreamEvent,
} from "@openai/agents";
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from "@openai/agents/testing";
import { Client, type JsonObject } from "acs-sidecar-client";
import { govern, governModel, type Approval } from "acs-sidecar-client/openai-agents";
import { z } from "zod";
import { frameworkTests, type Outcome, type Scenario, type Step } from "./scenarios.js";
import { allowing, blockOf, RUN, SERVICE } from "./support.js";

function scripted(script: readonly Step[]): ScriptedModel {
  return new ScriptedModel(
    script.map(({ text, calls = [], before }) =>
      modelResponder(() => {
        before?.();
        const made = calls.map(({ name, args }, index) => functionCall(name, args, { callId: `c-${index}` }));
        return [...(text === undefined ? [] : [assistantMessage(text)]), ...made] as never;
      }),
    ),
  );
}

function toolsOf(scenario: Scenario) {
  return Object.entries(scenario.tools).map(([name, { parameters, run }]) => {
    const properties = Object.fromEntries(parameters.map((parameter) => [parameter, {}]));
    return tool({
      name,
      description: name,
      strict: false,
      parameters: { type: "object", properties, required: [], additionalProperties: true },
      execute: async (args: unknown) => run(args as JsonObject),
    });
  });
}

const runner = new Runner({ tracingDisabled: true });

async function run(scenario: Scenario): Promise<Outcome> {
  const approvals = new Map<string, Approval>();
  const model = scripted(scenario.script);
  const agent = govern(scenario.session, new Agent({ name: "a", model, tools: toolsOf(scenario) }), {
    ...scenario.options,
    onEscalation: (ticket, id) => approvals.set(id, { ticket, approval: scenario.approve(ticket) }),
    approvals: (id) => approvals.get(id),
  });
  const got: unknown[] = [];
  let input: AgentInputItem[] | RunState<any, any> = [{ type: "message", role: "user", content: scenario.prompt }];
  for (let turn = 0; turn < 2; turn++) {
    const result = await turnOf(agent, input, scenario.isStreamed, got);
    got.push(result.finalOutput ?? null, result.history);
    if (result.interruptions.length === 0) break;
    for (const item of result.interruptions) result.state.approve(item);
    input = result.state;
  }
  return { seen: model.calls.map(({ request }) => request.input), got: got.map(jsonOf) };
}

async function turnOf(agent: Agent<any, any>, input: AgentInputItem[] | RunState<any, any>, isStreamed: boolean, got: unknown[]) {
  if (!isStreamed) return runner.run(agent, input);
  const result = await runner.run(agent, input, { stream: true });
  for await (const event of result) got.push(event);
  await result.completed;
  return result;
}

/** What an event says, without the objects of the run that it refers to. */
function jsonOf(value: unknown): unknown {
  const seen = new Set<unknown>();
  const text = JSON.stringify(value, (name, member: unknown) => {
    if (name === "agent" || (typeof member === "object" && seen.has(member))) return undefined;
    if (typeof member === "object") seen.add(member);
    return member;
  });
  return text === undefined ? null : JSON.parse(text);
}

frameworkTests(run);

const client = new Client({ url: SERVICE, manifest: "governed" });

test("hand-overs are calls of tools, and those who take over are governed", async () => {
  const second = new Agent({ name: "second", model: scripted([{ text: "it is secret-123" }]) });
  const model = scripted([{ calls: [{ name: "transfer_to_second", args: {} }] }]);
  const first = new Agent({ name: "first", model, handoffs: [second] });
  const points: string[] = [];
  const session = client.session("a", { points: RUN as never, onDecision: ({ point }) => points.push(point) });
  const result = await runner.run(govern(session, first), "hello");
  assert.equal(result.finalOutput, "it is [secret]");
  assert.equal(points.filter((point) => point === "pre_tool_call").length, 1);
});

test("a hand-over that is denied hands nothing over", async () => {
  const second = new Agent({ name: "second", model: scripted([]) });
  const model = scripted([{ calls: [{ name: "delete_file", args: {} }] }]);
  const first = new Agent({ name: "first", model, handoffs: [handoff(second, { toolNameOverride: "delete_file" })] });
  const agent = govern(client.session("a", { points: RUN as never }), first);
  await assert.rejects(runner.run(agent, "hello"), /no_deletes/);
});

test("tools that are not run here are refused", async () => {
  const session = client.session("a", { points: RUN as never });
  const hosted = hostedMcpTool({ serverLabel: "x", serverUrl: "https://example.com" });
  const agent = new Agent({ name: "a", model: scripted([{ text: "fine" }]), tools: [hosted] });
  assert.equal((await blockOf(() => govern(session, agent))).cause, "ungoverned");
  assert.equal((await runner.run(govern(session, agent, { hosted: "observe" }), "x")).finalOutput, "fine");
  const serving = new Agent({ name: "a", mcpServers: [{ name: "m" } as never] });
  assert.equal((await blockOf(() => govern(session, serving))).cause, "ungoverned");
});

test("arguments that could be read in two ways run nothing", async () => {
  const session = client.session("a", { points: RUN as never });
  const search = tool({ name: "search", description: "", parameters: z.object({ q: z.string() }), execute: () => assert.fail("it ran") });
  const model = new ScriptedModel([
    [functionCall("search", '{"q":"x","q":"bomb"}', { callId: "c" })],
    [assistantMessage("fine")],
  ] as never);
  await runner.run(govern(session, new Agent({ name: "a", model, tools: [search] })), "x");
  assert.match(JSON.stringify(model.lastCall?.request.input), /denied by policy: runtime_error:request_invalid/);
});

test("requests are judged as the profile has them, and sent as they were", async () => {
  const { permissive, snapshots } = allowing();
  const session = permissive.session("a", { points: ["pre_model_call"] });
  const inner = scripted([{ text: "fine" }]);
  const input: AgentInputItem[] = [
    { type: "message", role: "user", content: [{ type: "input_text", text: "look" }, { type: "input_image", image: "https://example.com/x" }] },
    { type: "function_call", callId: "c", name: "look_up", arguments: '{"a":1}' },
    { type: "function_call_result", callId: "c", name: "look_up", status: "completed", output: { type: "text", text: "found" } },
  ];
  await runner.run(new Agent({ name: "a", instructions: "be brief", model: governModel(session, inner) }), input);
  assert.deepEqual(snapshots[0]?.["messages"], [
    { role: "system", content: "be brief" },
    { role: "user", content: [{ type: "text", text: "look" }, { type: "input_image", image: "https://example.com/x" }] },
    { role: "assistant", content: "", tool_calls: [{ name: "look_up", id: "c", args: { a: 1 } }] },
    { role: "tool", tool_call_id: "c", name: "look_up", content: "found" },
  ]);
  assert.deepEqual(inner.lastCall?.request.input, input);
});

test("tools and hand-overs that are added to a governed agent are refused", async () => {
  const ran: unknown[] = [];
  const remove = tool({ name: "delete_file", description: "", parameters: z.object({}), execute: async () => ran.push("gone") });
  const second = new Agent({ name: "second", tools: [remove], model: scripted([{ calls: [{ name: "delete_file", args: {} }] }, { text: "x" }]) });
  for (const [name, add] of Object.entries({
    delete_file: (agent: Agent) => agent.tools.push(remove),
    transfer_to_second: (agent: Agent) => agent.handoffs.push(second),
  })) {
    const model = scripted([{ calls: [{ name, args: {} }] }, { text: "it is secret-123" }]);
    const agent = govern(client.session("a"), new Agent({ name: "first", model }));
    add(agent);
    const blocked = await blockOf(() => runner.run(agent, "hello"));
    assert.deepEqual([blocked.cause, blocked.decision.message], ["ungoverned", `\`${name}\` was added after the agent was governed`]);
  }
  assert.deepEqual(ran, []);
});

test("a result that ends the run is evaluated at output", async () => {
  const search = tool({ name: "search", description: "", parameters: z.object({ q: z.string() }), execute: async () => "found it" });
  const custom = async (_: unknown, results: readonly unknown[]) => {
    return results.length > 0
      ? { isFinalOutput: true as const, isInterrupted: undefined, finalOutput: "it is secret-123" }
      : { isFinalOutput: false as const, isInterrupted: undefined };
  };
  for (const [toolUseBehavior, said] of [
    ["stop_on_first_tool", "found it"],
    [{ stopAtToolNames: ["search"] }, "found it"],
    [custom, "it is [secret]"],
  ] as const) {
    const points: string[] = [];
    const session = client.session("a", { onDecision: ({ point }) => points.push(point) });
    const model = scripted([{ calls: [{ name: "search", args: { q: "x" } }] }]);
    const agent = new Agent({ name: "a", model, tools: [search], toolUseBehavior: toolUseBehavior as never });
    assert.equal((await runner.run(govern(session, agent), "x")).finalOutput, said);
    assert.deepEqual(points.slice(-2), ["post_tool_call", "output"]);
  }
});

test("a prompt that is not the last item is an input", async () => {
  const agent = govern(client.session("a"), new Agent({ name: "a", model: scripted([{ text: "fine" }]) }));
  const items: AgentInputItem[] = [
    { type: "message", role: "user", content: "a bomb" },
    { type: "message", role: "system", content: "be nice" },
  ];
  assert.equal((await blockOf(() => runner.run(agent, items))).point, "input");
});

test("a permit is of one tool, whatever id another run gives its own call", async () => {
  const ran: unknown[] = [];
  const made = (name: string) =>
    tool({ name, description: "", parameters: z.object({ q: z.string() }), execute: async () => ran.push(name) });
  const agent = new Agent({ name: "a", model: scripted([{ text: "x" }]), tools: [made("search"), made("delete_file")] });
  const governed = govern(client.session("a"), agent, { onEscalation: () => undefined });
  const [search, remove] = governed.tools as FunctionTool[];
  const context = new RunContext();
  assert.ok(search && remove);
  await remove.needsApproval(context, { q: "x" } as never, "c");
  await search.needsApproval(context, { q: "x" } as never, "c");
  const details = { toolCall: { type: "function_call", callId: "c", name: "delete_file", arguments: "" } };
  const said = await remove.invoke(context, '{"q":"x"}', details as never);
  assert.match(String(said), /^denied by policy: no_deletes/);
  assert.deepEqual(ran, []);
});

test("a stream keeps no copy of what was replaced", async () => {
  const session = new Client({ url: SERVICE, manifest: "governed" }).session("a", { points: RUN as never });
  const copied = { text: "it is secret-123" };
  const inner: Model = {
    getResponse: () => assert.fail("it streams"),
    async *getStreamedResponse(): AsyncIterable<StreamEvent> {
      yield { type: "response_started", providerData: copied };
      yield { type: "output_text_delta", delta: "it is secret-123", providerData: copied };
      yield { type: "model", event: copied };
      const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
      yield { type: "response_done", response: { id: "r", usage, output: [assistantMessage("it is secret-123")], providerData: copied } };
    },
  };
  const result = await runner.run(govern(session, new Agent({ name: "a", model: inner })), "x", { stream: true });
  const seen: unknown[] = [];
  for await (const event of result) seen.push(event);
  assert.doesNotMatch(JSON.stringify([seen, result.rawResponses, result.history]), /secret-123/);
  assert.equal(result.finalOutput, "it is [secret]");
});

test("what a text carries beside it is withheld", async () => {
  const session = new Client({ url: SERVICE, manifest: "governed" }).session("a", { points: RUN as never });
  const message = assistantMessage("fine");
  const [text] = message.content as [object];
  const annotated = { ...message, content: [{ ...text, providerData: { annotations: [{ title: "secret-123" }] } }] };
  const model = new ScriptedModel([modelResponder(() => [annotated] as never)]);
  const result = await runner.run(govern(session, new Agent({ name: "a", model })), "x");
  assert.equal(result.finalOutput, "fine");
  assert.doesNotMatch(JSON.stringify([result.rawResponses, result.history]), /secret-123/);
});

test("a call that waits for a person is evaluated again when it runs", async () => {
  const points: string[] = [];
  const session = new Client({ url: SERVICE, manifest: "governed" }).session("a", { points: RUN as never, onDecision: ({ point }) => points.push(point) });
  const search = tool({ name: "search", description: "", parameters: z.object({ q: z.string() }), needsApproval: true, execute: () => "found" });
  const model = scripted([{ calls: [{ name: "search", args: { q: "x" } }] }, { text: "fine" }]);
  const agent = govern(session, new Agent({ name: "a", model, tools: [search] }), { onEscalation: () => assert.fail("nothing escalates") });
  const paused = await runner.run(agent, "x");
  for (const item of paused.interruptions) paused.state.approve(item);
  assert.equal((await runner.run(agent, paused.state)).finalOutput, "fine");
  assert.deepEqual(points.filter((point) => point === "pre_tool_call").length, 2);
  assert.equal(session.budgets.calls, 1);
});

test("the model of a runner does not replace that of a governed agent", async () => {
  const session = new Client({ url: SERVICE, manifest: "governed" }).session("a", { points: RUN as never });
  const other = new Runner({ tracingDisabled: true, model: scripted([{ text: "it is secret-123" }]) });
  const agent = govern(session, new Agent({ name: "a", model: scripted([{ text: "fine" }]) }));
  assert.equal((await other.run(agent, "x")).finalOutput, "fine");
});
