/** The cases that every framework must pass, on its real objects with a scripted model (section 12.8). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Blocked, Client, Denied, Unavailable, type JsonObject, type Session, type SessionOptions } from "acs-sidecar-client";
import { cuttable, RUN, SERVICE, signed } from "./support.js";

/** What the scripted model answers: a call of a tool, or a text; perhaps after something happened. */
export interface Step {
  readonly calls?: readonly { readonly name: string; readonly args: JsonObject }[];
  readonly text?: string;
  readonly before?: () => void;
}

/** One run of an agent. */
export interface Scenario {
  readonly session: Session;
  readonly prompt: string;
  readonly script: Step[];
  readonly isStreamed: boolean;
  readonly tools: typeof TOOLS;
  readonly approve: (ticket: JsonObject) => string;
  readonly options: { onBlock?: "raise" };
}

/** What the model saw, one list of texts a call, and what the caller got. */
export interface Outcome {
  readonly seen: readonly unknown[];
  readonly got: unknown;
}

const ran: unknown[] = [];

/** The tools of the agent, by name: each notes that it ran. */
export const TOOLS = {
  search: { parameters: ["q"], run: ({ q }: JsonObject) => note(["search", q], `found secret-123 for ${q}`) },
  send_email: { parameters: ["to"], run: ({ to }: JsonObject) => note(["send_email", to], `sent to ${to}`) },
  delete_file: { parameters: ["path"], run: ({ path }: JsonObject) => note(["delete_file", path], "gone") },
  pay: { parameters: ["amount"], run: ({ amount }: JsonObject) => note(["pay", amount], "paid") },
  odd: { parameters: [], run: () => note(["odd"], "done") },
  fail: {
    parameters: [],
    run: (): string => {
      ran.push(["fail"]);
      throw new TypeError("it is broken");
    },
  },
};

function note(call: unknown[], said: string): string {
  ran.push(call);
  return said;
}

type Run = (scenario: Scenario) => Promise<Outcome>;
type Case = [name: string, calls: { name: string; args: JsonObject }[], ran: unknown[], said: RegExp];

const call = (name: string, args: JsonObject = {}): { name: string; args: JsonObject } => ({ name, args });
const CASES: Case[] = [
  ["allow", [call("search", { q: "x" })], [["search", "x"]], /found \[secret\] for x/],
  ["warn", [call("odd")], [["odd"]], /done/],
  ["deny", [call("delete_file", { path: "x" })], [], /denied by policy: no_deletes: Nothing is deleted\./],
  ["escalate, then approve", [call("pay", { amount: 7 })], [["pay", 7]], /paid/],
  ["transform of arguments", [call("send_email", { to: "x@example.org" })], [["send_email", "team@example.com"]], /sent to team@example\.com/],
  ["transform of a result", [call("search", { q: "y" })], [["search", "y"]], /found \[secret\] for y/],
  [
    "two calls at once",
    [call("search", { q: "1" }), call("delete_file", { path: "x" })],
    [["search", "1"]],
    /found \[secret\] for 1[^]*denied by policy: no_deletes|denied by policy: no_deletes[^]*found \[secret\] for 1/,
  ],
];

/** Define the cases for a framework: `run` runs an agent to its end. */
export function frameworkTests(run: Run, { isPausing = true } = {}): void {
  for (const isStreamed of [false, true]) {
    const way = isStreamed ? "streamed" : "whole";
    for (const [name, calls, expected, said] of CASES) {
      if (name.startsWith("escalate") && !isPausing) continue;
      test(`${way}: ${name}`, async () => {
        const { seen, got } = await outcome(run, { isStreamed, script: [{ calls }, { text: "fine" }] });
        assert.deepEqual(ran, expected);
        assert.match(JSON.stringify(seen.at(-1)), said);
        assert.match(JSON.stringify(got), /fine/);
      });
    }
    test(`${way}: transform of an answer`, async () => {
      const { got } = await outcome(run, { isStreamed, script: [{ text: "it is secret-123" }] });
      assert.match(JSON.stringify(got), /it is \[secret\]/);
    });
    test(`${way}: a blocked prompt reaches no model`, async () => {
      const before = (): void => assert.fail("the model was asked");
      const script = [{ text: "fine", before }];
      const raised = await blockOfRun(run, { isStreamed, prompt: "a bomb", script });
      assert.ok(raised instanceof Denied);
      assert.deepEqual([raised.point, raised.decision.reason], ["input", "bomb"]);
    });
    test(`${way}: a blocked answer reaches nobody`, async () => {
      const raised = await blockOfRun(run, { isStreamed, script: [{ text: "a bomb" }] });
      assert.ok(raised instanceof Denied);
      assert.deepEqual([raised.point, raised.decision.reason], ["post_model_call", "bomb"]);
    });
    test(`${way}: the service dies in the middle and no tool runs`, async () => {
      const { url, cut } = await cuttable();
      const script = [{ calls: [call("search", { q: "x" })], before: cut }, { text: "fine" }];
      const raised = await blockOfRun(run, { isStreamed, url, script });
      assert.ok(raised instanceof Unavailable);
      assert.deepEqual(ran, []);
    });
    test(`${way}: a block can stop the run`, async () => {
      const script = [{ calls: [call("delete_file", { path: "x" })] }, { text: "fine" }];
      const raised = await blockOfRun(run, { isStreamed, script, options: { onBlock: "raise" } });
      assert.deepEqual([raised.point, raised.decision.reason], ["pre_tool_call", "no_deletes"]);
    });
    test(`${way}: what a tool throws is evaluated, and shown to the model where it is permitted`, async () => {
      const script = [{ calls: [call("fail")] }, { text: "fine" }];
      const points: string[] = [];
      const session: SessionOptions = { onDecision: ({ point }) => points.push(point) };
      const came = await outcome(run, { isStreamed, script, session }).catch((error: unknown) => error);
      assert.deepEqual(ran, [["fail"]]);
      if (came instanceof Error) assert.match(String(came), /it is broken/);
      else assert.match(JSON.stringify((came as Outcome).seen.at(-1)), /it is broken|An error occurred/);
      assert.deepEqual(points.filter((point) => point === "post_tool_call").length, 1);
    });
    test(`${way}: an escalation without a pause runs nothing`, async () => {
      const script = [{ calls: [call("pay", { amount: 7 })] }, { text: "fine" }];
      const unapproved = { isStreamed, script, approve: () => "yes" };
      await outcome(run, unapproved).catch((error: unknown) => assert.ok(error instanceof Blocked));
      assert.deepEqual(ran, []);
    });
    test(`${way}: a hook that throws lets no tool run`, async () => {
      const session: SessionOptions = {
        onDecision: ({ point }) => {
          if (point === "pre_tool_call") throw new RangeError("the hook is broken");
        },
      };
      const script = [{ calls: [call("search", { q: "x" })] }, { text: "fine" }];
      await outcome(run, { isStreamed, script, session }).catch(() => undefined);
      assert.deepEqual(ran, []);
    });
  }
}

interface Options {
  isStreamed: boolean;
  script: Step[];
  prompt?: string;
  url?: string;
  approve?: (ticket: JsonObject) => string;
  options?: { onBlock?: "raise" };
  session?: SessionOptions;
}

async function outcome(run: Run, options: Options): Promise<Outcome> {
  ran.length = 0;
  const { isStreamed, script, prompt = "hello", url = SERVICE, approve = signed } = options;
  const client = new Client({ url, manifest: "governed", timeoutMs: 20_000 });
  const session = client.session("a", { points: RUN as never, ...options.session });
  try {
    const came = await run({ session, prompt, script, isStreamed, tools: TOOLS, approve, options: options.options ?? {} });
    assert.doesNotMatch(JSON.stringify(came), /secret-123/);
    return came;
  } finally {
    client.close();
  }
}

/** What a run is blocked with, wherever the framework has put it. */
async function blockOfRun(run: Run, options: Options): Promise<Blocked> {
  let came: Outcome;
  try {
    came = await outcome(run, options);
  } catch (error) {
    for (let cause = error; cause instanceof Error; cause = causeOf(cause)) {
      if (cause instanceof Blocked) return cause;
    }
    throw error;
  }
  assert.fail(`it was not blocked: ${JSON.stringify(came)}`);
}

/** What an error of a framework stands for. */
function causeOf(error: Error): unknown {
  return error.cause ?? (error as { error?: unknown }).error;
}
