/** Agents of LangChain and LangGraph with a scripted model, governed (section 12.8). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { Command, MemorySaver } from "@langchain/langgraph";
import { Client, type JsonObject } from "acs-sidecar-client";
import { acsMiddleware } from "acs-sidecar-client/langchain";
import { AIMessage, createAgent, createMiddleware, HumanMessage, providerStrategy, SystemMessage, tool, ToolMessage, type BaseMessage } from "langchain";
import { z } from "zod";
import { frameworkTests, type Outcome, type Scenario, type Step } from "./scenarios.js";
import { allowing, blockOf, RUN, SERVICE } from "./support.js";

/** Answers with what it was given, in turn; streams it letter by letter. */
class ScriptedModel extends BaseChatModel {
  readonly seen: unknown[] = [];
  readonly #script: Step[];

  constructor(script: Step[]) {
    super({});
    this.#script = [...script];
  }

  _llmType(): string {
    return "scripted";
  }

  override bindTools(): this {
    return this;
  }

  async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const message = this.#next(messages);
    return { generations: [{ text: message.text, message }] };
  }

  override async *_streamResponseChunks(messages: BaseMessage[], _: this["ParsedCallOptions"], run?: { handleLLMNewToken(token: string, ...rest: unknown[]): Promise<void> }): AsyncGenerator<ChatGenerationChunk> {
    const message = this.#next(messages);
    const chunks = (message.tool_calls ?? []).map(({ name, args, id }, index) => {
      return { name, args: JSON.stringify(args), id: id as string, index, type: "tool_call_chunk" as const };
    });
    for (const [index, letter] of (message.text ? [...message.text] : [""]).entries()) {
      const part = new AIMessageChunk({ content: letter, tool_call_chunks: index === 0 ? chunks : [] });
      const chunk = new ChatGenerationChunk({ text: letter, message: part });
      yield chunk;
      await run?.handleLLMNewToken(letter, undefined, undefined, undefined, undefined, { chunk });
    }
  }

  #next(messages: BaseMessage[]): AIMessage {
    this.seen.push(messages.map(({ content }) => content));
    const { text = "", calls = [], before } = this.#script.shift() ?? { text: "done" };
    before?.();
    const made = calls.map(({ name, args }, index) => ({ name, args, id: `c-${index}`, type: "tool_call" as const }));
    return new AIMessage({ content: text, tool_calls: made });
  }
}

function toolsOf(scenario: Scenario) {
  return Object.entries(scenario.tools).map(([name, { parameters, run }]) => {
    const schema = z.object(Object.fromEntries(parameters.map((parameter) => [parameter, z.any()])));
    return tool((args: unknown) => run(args as JsonObject), { name, description: name, schema });
  });
}

async function run(scenario: Scenario): Promise<Outcome> {
  const model = new ScriptedModel(scenario.script);
  const agent = createAgent({
    model,
    tools: toolsOf(scenario),
    middleware: [acsMiddleware(scenario.session, scenario.options)],
    checkpointer: new MemorySaver(),
  });
  const config = { configurable: { thread_id: "t" } };
  const got: unknown[] = [];
  let input: unknown = { messages: [{ role: "user", content: scenario.prompt }] };
  for (let turn = 0; turn < 2; turn++) {
    let paused: JsonObject | undefined;
    if (scenario.isStreamed) {
      const stream = await agent.stream(input as never, { ...config, streamMode: ["messages", "updates", "values"] });
      for await (const [mode, value] of stream as unknown as AsyncIterable<[string, unknown]>) {
        got.push([mode, value]);
        const found = (value as { __interrupt__?: { value: JsonObject }[] }).__interrupt__;
        if (found) paused = found[0]?.value;
      }
    } else {
      const came = await agent.invoke(input as never, config);
      got.push(came);
      paused = (came as unknown as { __interrupt__?: { value: JsonObject }[] }).__interrupt__?.[0]?.value;
    }
    if (paused === undefined) break;
    const ticket = JSON.parse(JSON.stringify(paused)) as JsonObject;
    input = new Command({ resume: { ticket, approval: scenario.approve(ticket) } });
  }
  const state = await agent.graph.getState(config);
  got.push((state.values as { messages: BaseMessage[] }).messages.map(({ content }) => content));
  return { seen: model.seen, got };
}

frameworkTests(run);

test("without a checkpointer an escalation reaches the host", async () => {
  const client = new Client({ url: SERVICE, manifest: "governed" });
  const session = client.session("a", { points: RUN as never });
  const pay = tool(() => assert.fail("it ran"), { name: "pay", description: "pay", schema: z.object({ amount: z.number() }) });
  const model = new ScriptedModel([{ calls: [{ name: "pay", args: { amount: 7 } }] }]);
  const agent = createAgent({ model, tools: [pay], middleware: [acsMiddleware(session)] });
  await assert.rejects(agent.invoke({ messages: [new HumanMessage("pay")] }), (error: Error) => {
    assert.equal((error.cause as Error).name, "Escalated");
    return true;
  });
});

test("a tool that the provider runs is refused", async () => {
  const client = new Client({ url: SERVICE, manifest: "governed" });
  const hosted = { type: "web_search" };
  for (const [options, isRefused] of [[{}, true], [{ hosted: "observe" as const }, false]] as const) {
    const session = client.session("a", { points: RUN as never });
    const agent = createAgent({ model: new ScriptedModel([{ text: "fine" }]), tools: [hosted], middleware: [acsMiddleware(session, options)] });
    const running = agent.invoke({ messages: [new HumanMessage("x")] }).catch((error: Error) => Promise.reject(error.cause));
    if (isRefused) assert.equal((await blockOf(() => running)).cause, "ungoverned");
    else await running;
  }
});

test("messages of several texts are judged as one, and put back as the last", async () => {
  const client = new Client({ url: SERVICE, manifest: "governed" });
  const session = client.session("a", { points: RUN as never });
  const model = new ScriptedModel([{ text: "fine" }]);
  const agent = createAgent({ model, tools: [], middleware: [acsMiddleware(session)], systemPrompt: "be brief" });
  const content = [{ type: "text" as const, text: "one" }, { type: "text" as const, text: "secret-123" }];
  await agent.invoke({ messages: [new HumanMessage({ content })] });
  assert.deepEqual((model.seen[0] as unknown[])[1], [{ type: "text", text: "" }, { type: "text", text: "one\n[secret]" }]);
});

test("what a command of a tool changes is evaluated whole, or withheld", async () => {
  const client = new Client({ url: SERVICE, manifest: "governed" });
  const message = (id: string, content: string) => new ToolMessage({ content, tool_call_id: id });
  const updates: { [name: string]: (id: string) => unknown } = {
    "a message": (id) => new Command({ update: { messages: [message(id, "has secret-123")] } }),
    "no list": (id) => new Command({ update: { messages: message(id, "has secret-123") } }),
    "a mapping": (id) => new Command({ update: { messages: [{ role: "tool", content: "secret-123", tool_call_id: id }] } }),
    "beside messages": (id) => new Command({ update: { messages: [message(id, "fine")], structuredResponse: "secret-123" } }),
    "harmless": (id) => new Command({ update: { messages: [message(id, "fine")] } }),
  };
  for (const [name, update] of Object.entries(updates)) {
    const search = tool((_, config) => update(config.toolCall.id) as never, { name: "search", description: "", schema: z.object({ q: z.string() }) });
    const model = new ScriptedModel([{ calls: [{ name: "search", args: { q: "x" } }] }, { text: "done" }]);
    const agent = createAgent({ model, tools: [search], middleware: [acsMiddleware(client.session("a"))] });
    const state = await agent.invoke({ messages: [new HumanMessage("x")] }).catch((error: Error) => error.message);
    const said = JSON.stringify([state, model.seen]);
    assert.ok(!said.includes("secret-123"), `${name}: ${said}`);
    assert.equal(said.includes("denied by policy"), name !== "harmless", `${name}: ${said}`);
  }
});

test("a result that ends the run is evaluated at output", async () => {
  const client = new Client({ url: SERVICE, manifest: "governed" });
  const points: string[] = [];
  const session = client.session("a", { onDecision: ({ point }) => points.push(point) });
  const search = tool(() => "found it", { name: "search", description: "", schema: z.object({ q: z.string() }), returnDirect: true });
  const model = new ScriptedModel([{ calls: [{ name: "search", args: { q: "x" } }] }]);
  await createAgent({ model, tools: [search], middleware: [acsMiddleware(session)] }).invoke({ messages: [new HumanMessage("x")] });
  assert.deepEqual(points.slice(-2), ["post_tool_call", "output"]);
});

const LEAKS = "it is secret-123 now";
const FINE = [{ calls: [{ name: "search", args: { q: "x" } }] }, { text: "fine" }];
const MODES = ["messages", "updates", "values", "debug", "tools"];

/** Return all that streams show of an agent. */
async function streamed(model: ScriptedModel, settings: object): Promise<string> {
  const session = new Client({ url: SERVICE, manifest: "governed" }).session("a");
  const { tools = [], behind = [] } = settings as { tools?: []; behind?: [] };
  const agent = createAgent({ model, tools, middleware: [acsMiddleware(session), ...behind] });
  const got: unknown[] = [];
  const stream = await agent.stream({ messages: [new HumanMessage("x")] }, { streamMode: MODES as never, subgraphs: true });
  for await (const part of stream) got.push(part);
  for await (const event of createAgent({ model, tools, middleware: [acsMiddleware(session), ...behind] }).streamEvents(
    { messages: [new HumanMessage("x")] },
    { version: "v2" },
  )) {
    got.push(event);
  }
  return JSON.stringify(got);
}

const INSIDE: { [name: string]: (q: string) => Promise<unknown> } = {
  "a tool": async () => LEAKS,
  "a model in a tool": async (q) => (await new ScriptedModel([{ text: LEAKS }]).invoke(q)).text,
  "an agent in a tool": async (q) => {
    const agent = createAgent({ model: new ScriptedModel([{ text: LEAKS }]), tools: [] });
    return (await agent.invoke({ messages: [new HumanMessage(q)] })).messages.at(-1)?.text;
  },
};

for (const [name, asks] of Object.entries(INSIDE)) {
  test(`streams show nothing of ${name} but its permitted result`, async () => {
    const search = tool(({ q }) => asks(q), { name: "search", description: "", schema: z.object({ q: z.string() }) });
    const said = await streamed(new ScriptedModel([...FINE, ...FINE]), { tools: [search] });
    assert.doesNotMatch(said, /secret-123/);
    assert.match(said, /it is \[secret\] now/);
  });
}

test("streams show nothing of a model that another middleware chose but its permitted answer", async () => {
  const other = createMiddleware({
    name: "Other",
    wrapModelCall: (request, handler) => handler({ ...request, model: new ScriptedModel([{ text: LEAKS }]) }),
  });
  const said = await streamed(new ScriptedModel([]), { behind: [other] });
  assert.doesNotMatch(said, /secret-123/);
  assert.match(said, /it is \[secret\] now/);
});

/** Return what is left of an answer. */
async function answered(fields: object, settings: object = {}): Promise<BaseMessage> {
  const client = "responseFormat" in settings ? allowing().permissive : new Client({ url: SERVICE, manifest: "governed" });
  const session = client.session("a", { points: RUN as never });
  const model = new ScriptedModel([]);
  model._generate = async () => ({ generations: [{ text: "", message: new AIMessage(fields as never) }] });
  const agent = createAgent({ model, tools: [], middleware: [acsMiddleware(session)], ...settings });
  const { messages } = await agent.invoke({ messages: [new HumanMessage("x")] });
  return messages.find((message: BaseMessage) => AIMessage.isInstance(message)) as BaseMessage;
}

test("reasoning is withheld, in an answer and beside it", async () => {
  const beside = await answered({
    content: "fine",
    additional_kwargs: { reasoning_content: LEAKS, __signatures: "s1" },
    response_metadata: { model_name: "m", logprobs: { content: [{ token: LEAKS }] }, usage: { total: 1 } },
  });
  assert.deepEqual(beside.additional_kwargs, { __signatures: "s1" });
  assert.deepEqual(beside.response_metadata, { model_name: "m", usage: { total: 1 } });
  const responseFormat = providerStrategy(z.object({ text: z.string() }));
  const structured = await answered({ content: '{"text":"fine"}', additional_kwargs: { reasoning_content: LEAKS } }, { responseFormat });
  assert.deepEqual([structured.content, structured.additional_kwargs], ['{"text":"fine"}', {}]);
  const { content } = await answered({
    content: [{ type: "thinking", thinking: LEAKS, signature: "s2" }, { type: "text", text: LEAKS }],
  });
  assert.deepEqual(content, [{ type: "thinking", thinking: "", signature: "s2" }, { type: "text", text: "it is [secret] now" }]);
});

test("where streams cannot be held back, no model is asked and no tool runs", async () => {
  const middleware = acsMiddleware(allowing().permissive.session("a", { points: RUN as never }));
  const request = { systemMessage: new SystemMessage(""), messages: [], model: new ScriptedModel([]) };
  const asked = await blockOf(() => middleware.wrapModelCall?.(request as never, () => assert.fail("it was asked")));
  assert.deepEqual([asked.point, asked.cause], ["pre_model_call", "stream"]);
  const toolCall = { name: "search", args: {}, id: "c" };
  const result = await middleware.wrapToolCall?.({ toolCall, runtime: {} } as never, () => assert.fail("it ran"));
  assert.match((result as ToolMessage).text, /streams cannot be held back without AsyncLocalStorage$/);
});

test("what a tool returns beside its text is evaluated", async () => {
  const fields = { name: "search", description: "", schema: z.object({ q: z.string() }), responseFormat: "content_and_artifact" as const };
  const artifacts: [unknown, unknown, string][] = [
    [{ raw: LEAKS }, { raw: "it is [secret] now" }, "fine"],
    [{ raw: 1n }, undefined, "denied by policy: runtime_error:request_invalid"],
  ];
  for (const [artifact, left, said] of artifacts) {
    const session = new Client({ url: SERVICE, manifest: "governed" }).session("a");
    const search = tool(() => ["fine", artifact], fields);
    const agent = createAgent({ model: new ScriptedModel(FINE), tools: [search], middleware: [acsMiddleware(session)] });
    const message = (await agent.invoke({ messages: [new HumanMessage("x")] })).messages[2] as ToolMessage;
    assert.deepEqual(message.artifact, left);
    assert.ok(message.text.startsWith(said), message.text);
  }
});

test("a prompt that is not the last message is an input", async () => {
  const session = new Client({ url: SERVICE, manifest: "governed" }).session("a");
  const agent = createAgent({ model: new ScriptedModel([{ text: "fine" }]), tools: [], middleware: [acsMiddleware(session)] });
  const running = agent.invoke({ messages: [new HumanMessage("a bomb"), new SystemMessage("be nice")] });
  assert.equal((await blockOf(() => running)).point, "input");
});
