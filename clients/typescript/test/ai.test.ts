/** The AI SDK's own loop and mock model, governed (section 12.8). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { APICallError, generateText, isStepCount, jsonSchema, simulateReadableStream, streamText, tool, type ModelMessage, type ToolSet } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { Client, type JsonObject } from "acs-sidecar-client";
import { acsMiddleware, governModel, governTools, type Approval, type ToolOptions } from "acs-sidecar-client/ai";
import { frameworkTests, type Outcome, type Scenario, type Step } from "./scenarios.js";
import { allowing, blockOf, RUN, SERVICE, signed } from "./support.js";

const USAGE = {
  inputTokens: { total: 3, noCache: 3, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 2, text: 2, reasoning: 0 },
};

function scripted(script: Step[]): MockLanguageModelV4 {
  const left = [...script];
  const next = () => {
    const { text, calls = [], before } = left.shift() ?? { text: "done" };
    before?.();
    const made = calls.map(({ name, args }, index) => {
      return { type: "tool-call" as const, toolCallId: `c-${index}`, toolName: name, input: JSON.stringify(args) };
    });
    const unified = calls.length > 0 ? ("tool-calls" as const) : ("stop" as const);
    return { text, made, finishReason: { unified, raw: undefined } };
  };
  return new MockLanguageModelV4({
    doGenerate: async () => {
      const { text, made, finishReason } = next();
      const content = [...(text === undefined ? [] : [{ type: "text" as const, text }]), ...made];
      return { content, finishReason, usage: USAGE, warnings: [], response: { body: { text } } };
    },
    doStream: async () => {
      const { text, made, finishReason } = next();
      const deltas = [...(text ?? "")].map((delta) => ({ type: "text-delta" as const, id: "0", delta }));
      const chunks = [
        { type: "stream-start" as const, warnings: [] },
        ...(text === undefined ? [] : [{ type: "text-start" as const, id: "0" }, ...deltas, { type: "text-end" as const, id: "0" }]),
        ...made,
        { type: "finish" as const, finishReason, usage: USAGE },
      ];
      return { stream: simulateReadableStream({ chunks, initialDelayInMs: null, chunkDelayInMs: null }) };
    },
  });
}

function toolsOf(scenario: Scenario): ToolSet {
  return Object.fromEntries(
    Object.entries(scenario.tools).map(([name, { parameters, run }]) => {
      const properties = Object.fromEntries(parameters.map((parameter) => [parameter, {}]));
      const inputSchema = jsonSchema<JsonObject>({ type: "object", properties });
      return [name, tool({ inputSchema, execute: async (args: JsonObject) => run(args) })];
    }),
  );
}

async function run(scenario: Scenario): Promise<Outcome> {
  const { session, options } = scenario;
  const approvals = new Map<string, Approval>();
  const model = scripted(scenario.script);
  const made: ToolOptions = {
    ...options,
    onEscalation: (ticket, id) => approvals.set(id, { ticket, approval: scenario.approve(ticket) }),
    approvals: (id) => approvals.get(id),
  };
  const settings = {
    model: governModel(session, model),
    tools: governTools(session, toolsOf(scenario), made),
    stopWhen: isStepCount(5),
  };
  const got: unknown[] = [];
  const messages: ModelMessage[] = [{ role: "user", content: scenario.prompt }];
  const turn = async (): Promise<{ messages: ModelMessage[]; asked: string[] }> => {
    if (!scenario.isStreamed) {
      const result = await generateText({ ...settings, messages });
      got.push(result.text, result.steps.map((step) => [step.content, step.response.body]));
      return { messages: result.response.messages, asked: askedIn(result.content) };
    }
    const errors: unknown[] = [];
    const result = streamText({ ...settings, messages, onError: ({ error }) => void errors.push(error) });
    for await (const part of result.fullStream) if (part.type !== "error") got.push(part);
    if (errors.length > 0) throw errors[0];
    return { messages: (await result.response).messages, asked: askedIn(await result.content) };
  };
  for (let asked = ["first"]; asked.length > 0; ) {
    const came = await turn();
    asked = came.asked;
    messages.push(...came.messages);
    if (asked.length === 0) break;
    const content = asked.map((approvalId) => ({ type: "tool-approval-response" as const, approvalId, approved: true }));
    messages.push({ role: "tool", content });
  }
  return { seen: [...model.doGenerateCalls, ...model.doStreamCalls].map(({ prompt }) => prompt), got };
}

function askedIn(content: readonly { type: string }[]): string[] {
  return content.flatMap((part) => (part.type === "tool-approval-request" ? [(part as unknown as { approvalId: string }).approvalId] : []));
}

frameworkTests(run);

const client = new Client({ url: SERVICE, manifest: "governed" });

test("what a policy has replaced in a prompt stays replaced", async () => {
  const model = scripted([{ calls: [{ name: "odd", args: {} }] }, { text: "fine" }]);
  const session = client.session("a", { points: RUN as never });
  await generateText({
    model: governModel(session, model),
    tools: governTools(session, { odd: tool({ inputSchema: jsonSchema<object>({ type: "object" }), execute: () => "done" }) }),
    messages: [{ role: "user", content: [{ type: "text", text: "first" }, { type: "text", text: "secret-123" }] }],
    stopWhen: isStepCount(3),
  });
  assert.equal(model.doGenerateCalls.length, 2);
  for (const { prompt } of model.doGenerateCalls) {
    assert.doesNotMatch(JSON.stringify(prompt), /secret-123/);
    assert.match(JSON.stringify(prompt), /\[secret\]/);
  }
});

test("a text that comes again is evaluated again", async () => {
  const { permissive, snapshots } = allowing();
  const model = governModel(permissive.session("a", { points: ["input"] }), scripted([{ text: "one" }, { text: "two" }]));
  for (const _ of [1, 2]) await generateText({ model, prompt: "yes" });
  assert.equal(snapshots.length, 2);
});

test("files, reasoning, calls and results are judged as the profile has them, and sent as they were", async () => {
  const model = scripted([{ text: "fine" }]);
  const { permissive, snapshots } = allowing();
  const session = permissive.session("a", { points: ["pre_model_call"] });
  const input = { order: 7 };
  const prompt: ModelMessage[] = [
    { role: "system", content: "be brief" },
    {
      role: "user",
      content: [
        { type: "text", text: "look" },
        { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "hm" },
        { type: "tool-call", toolCallId: "c-1", toolName: "look_up", input },
      ],
    },
    {
      role: "tool",
      content: [{ type: "tool-result", toolCallId: "c-1", toolName: "look_up", output: { type: "json", value: { b: 1, a: [2] } } }],
    },
    { role: "user", content: [{ type: "text", text: "one" }, { type: "text", text: "two" }] },
  ];
  await generateText({ model: governModel(session, model), messages: prompt, allowSystemInMessages: true });
  const sha256 = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81";
  assert.deepEqual(snapshots[0]?.["messages"], [
    { role: "system", content: "be brief" },
    {
      role: "user",
      content: [
        { type: "text", text: "look" },
        { type: "media", media_type: "image/png", bytes: 3, sha256 },
      ],
    },
    {
      role: "assistant",
      content: [{ type: "reasoning", text: "hm" }],
      tool_calls: [{ name: "look_up", id: "c-1", args: input }],
    },
    { role: "tool", tool_call_id: "c-1", name: "look_up", content: '{"a":[2],"b":1}' },
    { role: "user", content: "one\ntwo" },
  ]);
  const ungoverned = scripted([{ text: "fine" }]);
  await generateText({ model: ungoverned, messages: prompt, allowSystemInMessages: true });
  assert.deepEqual(model.doGenerateCalls[0]?.prompt, ungoverned.doGenerateCalls[0]?.prompt);
});

test("arguments that could be read in two ways are judged as their text", async () => {
  const { permissive, snapshots } = allowing();
  const session = permissive.session("a", { points: ["post_model_call"] });
  const inputs = ['{"to":"a","to":"b"}', "{", "[1]", '{"__proto__":{}}', ""];
  const content = inputs.map((input, index) => {
    return { type: "tool-call" as const, toolCallId: `c-${index}`, toolName: "send", input };
  });
  const finishReason = { unified: "tool-calls" as const, raw: undefined };
  const model = new MockLanguageModelV4({ doGenerate: { content, finishReason, usage: USAGE, warnings: [] } });
  await governModel(session, model).doGenerate({ prompt: [] });
  const { tool_calls: calls } = snapshots[0]?.["response"] as { tool_calls: JsonObject[] };
  assert.deepEqual(
    calls.map(({ args, args_text: text }) => [args, text]),
    [...inputs.slice(0, -1).map((input) => [{}, input]), [{}, undefined]],
  );
});

test("a stream that breaks off releases nothing", async () => {
  const chunks = [
    { type: "text-start" as const, id: "0" },
    { type: "text-delta" as const, id: "0", delta: "it is secret-123" },
  ];
  const model = new MockLanguageModelV4({ doStream: { stream: simulateReadableStream({ chunks }) } });
  const session = client.session("a", { points: RUN as never });
  const errors: unknown[] = [];
  const result = streamText({ model: governModel(session, model), prompt: "x", onError: ({ error }) => void errors.push(error) });
  let got = "";
  for await (const part of result.textStream) got += part;
  assert.equal(got, "");
  assert.match(String(errors[0]), /the stream of the model broke off/);
});

test("the end of a stream keeps no copy of what was replaced", async () => {
  const session = client.session("a", { points: RUN as never });
  for (const [text, left] of [["it is secret-123", undefined], ["fine", { x: { tokens: ["fine"] } }]] as const) {
    const chunks = [
      { type: "text-start" as const, id: "0" },
      { type: "text-delta" as const, id: "0", delta: text },
      { type: "text-end" as const, id: "0" },
      {
        type: "finish" as const,
        finishReason: { unified: "stop" as const, raw: undefined },
        usage: USAGE,
        providerMetadata: { x: { tokens: [text] } },
      },
    ];
    const model = new MockLanguageModelV4({ doStream: { stream: simulateReadableStream({ chunks }) } });
    const result = streamText({ model: governModel(session, model), prompt: "x" });
    const seen: unknown[] = [];
    for await (const part of result.fullStream) seen.push(part);
    assert.doesNotMatch(JSON.stringify(seen), /secret-123/);
    assert.deepEqual(await result.providerMetadata, left);
  }
});

test("a stream that is aborted releases nothing, and a tool whose run is aborted gives nothing", async () => {
  const session = client.session("a", { points: RUN as never });
  const aborting = new AbortController();
  const chunks = [...["it is ", "secret-123"].map((delta) => ({ type: "text-delta" as const, id: "0", delta }))];
  const stream = simulateReadableStream({ chunks: [{ type: "text-start" as const, id: "0" }, ...chunks], chunkDelayInMs: 200 });
  const model = new MockLanguageModelV4({ doStream: { stream } });
  const seen: unknown[] = [];
  const result = streamText({
    model: governModel(session, model),
    prompt: "x",
    abortSignal: aborting.signal,
    includeRawChunks: true,
    onChunk: ({ chunk }) => void seen.push(chunk),
    onError: ({ error }) => void seen.push(String(error)),
  });
  setTimeout(() => aborting.abort(), 300);
  for await (const part of result.fullStream) seen.push(part);
  assert.doesNotMatch(JSON.stringify(seen), /it is|secret-123/);
  const search = tool({
    inputSchema: jsonSchema<JsonObject>({ type: "object" }),
    execute: async (_, { abortSignal }): Promise<string> => {
      throw new Error(`aborted with secret-123: ${abortSignal?.aborted}`);
    },
  });
  const run = governTools(session, { search }).search.execute?.({}, { toolCallId: "c", messages: [], context: {}, abortSignal: aborting.signal });
  await assert.rejects(async () => run, { message: "error withheld" });
});

test("each attempt of a model is evaluated, and no attempt follows a block", async () => {
  const { permissive, snapshots } = allowing();
  const session = permissive.session("a", { points: ["pre_model_call"] });
  let attempts = 0;
  const model = new MockLanguageModelV4({
    doGenerate: async () => {
      attempts += 1;
      const failed = { message: "busy", url: "", requestBodyValues: {}, isRetryable: true };
      if (attempts === 1) throw new APICallError(failed);
      return { content: [{ type: "text", text: "fine" }], finishReason: { unified: "stop", raw: undefined }, usage: USAGE, warnings: [] };
    },
  });
  await generateText({ model: governModel(session, model), prompt: "x", maxRetries: 1 });
  assert.deepEqual([attempts, snapshots.length], [2, 2]);
  const blocked = client.session("a", { points: RUN as never });
  await blockOf(() => generateText({ model: governModel(blocked, model), prompt: "a bomb", maxRetries: 3 }));
  assert.equal(attempts, 2);
});

test("tools that nobody here runs are refused", async () => {
  const session = client.session("a", { points: RUN as never });
  const shown = tool({ inputSchema: jsonSchema<object>({ type: "object" }) });
  assert.equal((await blockOf(() => governTools(session, { shown }))).cause, "ungoverned");
  assert.deepEqual(Object.keys(governTools(session, { shown }, { hosted: "observe" })), ["shown"]);
  const exempt = governTools(session, { shown }, { exempt: ["shown"] });
  assert.equal(exempt["shown"], shown);
  const search = { type: "provider", id: "x.search", isProviderExecuted: true, args: {}, inputSchema: jsonSchema<object>({ type: "object" }) };
  const settings = { tools: { search: search as never }, prompt: "x", maxRetries: 0 };
  const refused = await blockOf(() => generateText({ ...settings, model: governModel(session, scripted([])) }));
  assert.deepEqual([refused.cause, refused.point], ["ungoverned", "pre_model_call"]);
  await generateText({ ...settings, model: governModel(session, scripted([{ text: "fine" }]), { hosted: "observe" }) });
  assert.throws(() => acsMiddleware(session, { hosted: "ignore" } as never), TypeError);
});

test("an approval of one call lifts no other", async () => {
  const session = client.session("a", { points: RUN as never });
  const blocked = await blockOf(() => session.preToolCall("pay", { amount: 7 }, { id: "c-0" }));
  const ticket = (blocked as unknown as { ticket: JsonObject }).ticket;
  const approval = { ticket, approval: signed(ticket) };
  const ran: unknown[] = [];
  const pay = tool({ inputSchema: jsonSchema<JsonObject>({ type: "object" }), execute: (args: JsonObject) => void ran.push(args) });
  const tools = governTools(session, { pay }, { approvals: () => approval });
  const execute = (amount: number, toolCallId: string) => tools.pay.execute?.({ amount }, { toolCallId, messages: [], context: {} });
  for (const [amount, id] of [[8, "c-0"], [7, "c-1"]] as const) {
    assert.equal((await blockOf(() => execute(amount, id))).cause, "ticket");
  }
  await execute(7, "c-0");
  assert.equal((await blockOf(() => execute(7, "c-0"))).cause, "ticket_used");
  assert.deepEqual(ran, [{ amount: 7 }]);
});

test("a tool that yields pieces gives its last one, and nothing before it is judged", async () => {
  const session = client.session("a", { points: RUN as never });
  const search = tool({
    inputSchema: jsonSchema<JsonObject>({ type: "object" }),
    async *execute() {
      yield "part of secret-123";
      yield "all of secret-123";
    },
  });
  const tools = governTools(session, { search });
  assert.equal(await tools.search.execute?.({}, { toolCallId: "c", messages: [], context: {} }), "all of [secret]");
});

test("watching changes nothing", async () => {
  const session = client.session("a", { points: RUN as never, mode: "evaluate_only", log: () => undefined });
  const model = scripted([{ text: "a bomb of secret-123" }]);
  const result = await generateText({ model: governModel(session, model), prompt: "a bomb" });
  assert.equal(result.text, "a bomb of secret-123");
});
