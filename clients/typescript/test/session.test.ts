/** Sessions against a real service: what is sent, what is kept, what is put back (sections 12.3 to 12.5). */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import {
  Client,
  ConfigurationError,
  currentSession,
  Denied,
  Escalated,
  ReplacedError,
  trace,
  Unavailable,
  type ClientOptions,
  type SessionOptions,
} from "acs-sidecar-client";
import { blockOf, SERVICE, setting, VECTORS } from "./support.js";

const STOPPED = { now: () => VECTORS.V1.clock as number, monotonic: () => 7 };

let client: Client;
before(() => {
  client = new Client({ url: SERVICE, manifest: "support-agent" });
});
after(() => client.close());

/** A client, and the bodies that it sends. */
function watching(options: ClientOptions = {}, until: () => Promise<void> = async () => undefined) {
  const bodies: string[] = [];
  const watched = new Client({
    url: SERVICE,
    manifest: "support-agent",
    ...options,
    fetch: async (url, init) => {
      if (init?.body) bodies.push(String(init.body));
      await until();
      return fetch(url, init);
    },
  });
  return { watched, bodies };
}

test("V1: the bytes and the identity of a known call are the published ones", async () => {
  const { agent, session: id, name, args, id: callId, ...vector } = VECTORS.V1;
  const { watched, bodies } = watching();
  const session = watched.session(agent, { id, clock: STOPPED, points: ["pre_tool_call"] });
  session.budgets.calls = vector.calls;
  const blocked = await blockOf(() => session.preToolCall(name, args, { id: callId }));
  assert.ok(blocked instanceof Escalated);
  assert.equal(blocked.decision.reason, vector.reason);
  assert.equal(blocked.decision.inputIdentity, vector.input_identity);
  const snapshot = /"snapshot":(\{.*\})\}$/.exec(bodies[0] ?? "")?.[1] ?? "";
  assert.equal(snapshot, vector.snapshot);
  assert.equal(createHash("sha256").update(snapshot).digest("hex"), vector.sha256);
  const permitted = { ...args, amount: vector.permitted_amount };
  const allowed = await session.preToolCall(name, permitted, { id: callId });
  assert.deepEqual([allowed.decision, allowed.value], ["allow", permitted]);
});

test("V2: of two calls that are awaited at once each counts the other", async () => {
  const { calls, name, counts } = VECTORS.V2;
  let waiting = 0;
  let both = (): void => undefined;
  const met = new Promise<void>((resolve) => (both = resolve));
  const { watched, bodies } = watching({}, async () => {
    if (++waiting === 2) both();
    await met;
  });
  const session = watched.session("a", { points: ["pre_tool_call"] });
  session.budgets.calls = calls;
  await Promise.all([session.preToolCall(name, {}), session.preToolCall(name, {})]);
  const seen = bodies.map((body) => JSON.parse(body).snapshot.envelope.budgets.tool_call_count as number);
  assert.deepEqual(seen.sort(), counts);
});

test("a blocked call is not counted", async () => {
  const session = client.session("a");
  await blockOf(() => session.preToolCall("close_account", {}));
  await session.preToolCall("search_help", {});
  assert.equal(session.budgets.calls, 1);
});

test("every point that the manifest binds is evaluated; what is not bound goes on", async () => {
  const seen: string[] = [];
  const session = client.session("support-1", {
    tools: ["search_help"],
    onDecision: ({ point, decision }) => seen.push(`${point} ${decision}`),
  });
  await session.run(async () => {
    assert.equal(currentSession(), session);
    await session.input("Where is my parcel?");
    await session.preModelCall([{ role: "user", content: "Where is my parcel?" }]);
    await session.postModelCall(
      { content: "", tool_calls: [], finish_reason: "stop" },
      { usage: { prompt_tokens: 7, completion_tokens: 1 } },
    );
    assert.equal(await session.tool("search_help", { q: "parcel" }, () => "on its way"), "on its way");
    assert.equal((await session.output("Write to bob@example.com")).value, "Write to [email]");
    assert.deepEqual([session.budgets.tokens, session.budgets.calls], [8, 1]);
  });
  assert.equal(currentSession(), undefined);
  assert.deepEqual(seen, [
    "agent_startup allow",
    "input allow",
    "pre_model_call allow",
    "post_model_call allow",
    "pre_tool_call allow",
    "post_tool_call allow",
    "output transform",
    "agent_shutdown allow",
  ]);
});

test("labels follow data until the host resets them", async () => {
  const session = client.session("support-1");
  await session.preToolCall("lookup_order", { order_id: "1" });
  await session.postToolCall("lookup_order", { order_id: "1" }, { status: "sent" });
  assert.deepEqual([...session.labels], ["customer-data"]);
  session.labels.reset();
  assert.deepEqual([...session.labels], []);
});

test("no tool runs where the manifest does not bind its point", async () => {
  const blocked = await blockOf(() => client.session("a", { points: ["input"] }).preToolCall("x", {}));
  assert.deepEqual([blocked.cause, blocked.decision.reason], ["ungoverned", "runtime_error:adapter_unsupported"]);
});

test("an iterator of points binds them at every call", async () => {
  const points = new Set(["input", "output"] as const).values();
  const session = client.session("a", { points });
  assert.equal((await session.output("bob@example.com")).value, "[email]");
  assert.equal((await session.output("jo@example.com")).value, "[email]");
});

test("usage that counts less than nothing is refused", async () => {
  const session = client.session("a");
  await session.postModelCall({ content: "x" }, { usage: { prompt_tokens: 2, completion_tokens: 3 } });
  for (const prompt_tokens of [-1, 1.5, NaN]) {
    const blocked = await blockOf(() => session.postModelCall({ content: "x" }, { usage: { prompt_tokens, completion_tokens: 0 } }));
    assert.equal(blocked.decision.message, "`usage` is not prompt_tokens and completion_tokens as whole numbers");
  }
  assert.equal(session.budgets.tokens, 5);
});

test("a point that the manifest lacks is no pass", async () => {
  const blocked = await blockOf(() => client.session("a", { points: ["pre_model_call"] }).preModelCall([]));
  assert.ok(blocked instanceof Denied);
  assert.equal(blocked.decision.reason, "runtime_error:intervention_point_unknown");
});

test("points that cannot be learnt are no permit", async () => {
  const blocked = await blockOf(() => client.session("a", { manifest: "nobody" }).input("x"));
  assert.ok(blocked instanceof Unavailable);
  assert.equal(blocked.decision.message, "the service lists no valid manifest `nobody`");
});

test("a caller without the scope is told which one it needs", async () => {
  const listing = new Client({ url: SERVICE, fetch: async () => Response.json({}, { status: 403 }) });
  const blocked = await blockOf(() => listing.session("a").output("x"));
  const needs = "it needs the scope `manifests:read`";
  assert.equal(blocked.decision.message, `\`GET /v1/manifests\` has status 403: ${needs}`);
});

test("a listing that binds nothing is none", async () => {
  for (const entry of [{ name: "m", points: [] }, { name: "m", points: [1] }, { points: ["input"] }]) {
    const listing = new Client({ url: SERVICE, fetch: async () => Response.json({ manifests: [entry] }) });
    const blocked = await blockOf(() => listing.session("a").output("x"));
    assert.equal(blocked.decision.message, "the service lists no default manifest: name one");
  }
});

test("a manifest of one's own is sent with each call", async () => {
  const manifest = {
    agent_control_specification_version: "0.3.1-beta",
    policies: { p: { type: "test", decisions: { input: { decision: "deny", reason: "own" } } } },
    intervention_points: { input: { policy_target: "$snap.input.body", policy: { id: "p" } } },
  };
  const blocked = await blockOf(() => client.session("a", { manifest }).input("x"));
  assert.equal(blocked.point, "input");
});

test("evaluate_only throws nothing and replaces nothing", async () => {
  const [seen, logged]: [string[], string[]] = [[], []];
  const session = client.session("a", {
    mode: "evaluate_only",
    onDecision: ({ decision }) => seen.push(decision),
    log: (level, message) => logged.push(`${level} ${message}`),
  });
  assert.equal((await session.output("Write to bob@example.com")).value, "Write to bob@example.com");
  assert.deepEqual((await session.preToolCall("close_account", { id: 1 })).value, { id: 1 });
  const value: unknown = (await session.preToolCall("x", { id: Number.NaN })).value;
  assert.deepEqual(value, { id: Number.NaN });
  const f = (): number => 1;
  assert.equal(await session.tool("x", { f }, ({ args }) => (args as unknown as { f: typeof f }).f()), 1);
  assert.deepEqual(seen.slice(0, 3), ["transform", "deny", "deny"]);
  assert.match(logged.join("\n"), /warn pre_tool_call would be blocked: deny/);
});

test("what a tool throws is evaluated: a deny replaces it", async () => {
  const session = client.session("a");
  const blocked = await blockOf(() =>
    session.tool("search_help", { q: "x" }, () => {
      throw new TypeError("x");
    }),
  );
  assert.deepEqual([blocked.point, blocked.decision.reason], ["post_tool_call", "tool_failed"]);
  const { errors, calls } = session.export();
  assert.deepEqual([errors, calls], [1, 1]);
});

test("an error that is permitted is thrown again, and one that is transformed is replaced", async () => {
  const failing = (): never => {
    throw new TypeError("it is secret-123");
  };
  const session = client.session("a", { points: ["pre_tool_call"] });
  await assert.rejects(session.tool("search_help", { q: "x" }, failing), TypeError);
  const { watched } = watching({ manifest: "governed" });
  const seen: unknown[] = [];
  await watched
    .session("a")
    .tool("search", {}, failing)
    .catch((error) => seen.push(error));
  assert.ok(seen[0] instanceof TypeError || seen[0] instanceof ReplacedError);
});

test("a session goes on in another process", async () => {
  const session = client.session("support-1", { id: "s-1", labels: ["pii"], history: true });
  await session.preToolCall("search_help", {});
  await session.output("done");
  const exported = JSON.parse(JSON.stringify(session.export()));
  const again = client.restore(exported).export();
  assert.deepEqual({ ...again, elapsed_seconds: 0 }, { ...exported, elapsed_seconds: 0 });
  assert.throws(() => client.restore({}), /this is no export of a session/);
});

test("options that contradict the profile make no session", () => {
  const cases: [string | undefined, object, RegExp][] = [
    [undefined, {}, /a session needs the id of its agent/],
    ["a", { mode: "audit" }, /`mode` is neither `enforce` nor `evaluate_only`/],
    ["a", { points: "input" }, /`points` is not a list of agent_startup, input/],
    ["a", { points: ["inputs"] }, /`points` is not a list of agent_startup, input/],
    ["a", { points: ["toString"] }, /`points` is not a list of agent_startup, input/],
    ["a", { context: { envelope: {} } }, /`context` has members of the profile: envelope/],
    ["a", { aprover: () => "deny" }, /unknown options of a session: aprover/],
  ];
  for (const [agent, options, message] of cases) {
    assert.throws(() => client.session(agent, options as SessionOptions), (error: Error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("options that cannot be used make no client", () => {
  const cases: [object, RegExp][] = [
    [{ url: "ftp://x" }, /is not `http:\/\/host:port`/],
    [{ url: "http://x/path" }, /is not `http:\/\/host:port`/],
    [{ url: "nothing" }, /`nothing` is not `http:\/\/host:port`/],
    [{ url: "127.0.0.1:8383" }, /`127.0.0.1:8383` is not `http:\/\/host:port`, `https:\/\/host:port` or `unix:\/\/\/path`/],
    [{ url: "http://u:p@x" }, /has no user, query or fragment/],
    [{ url: "unix:relative" }, /is not `unix:\/\/\/path\/of\/socket`/],
    [{ url: "http://127.0.0.1", socketPath: "/x" }, /`url` and `socketPath` are both set/],
    [{ url: "http://10.0.0.1", token: "x" }, /a token is sent to loopback, a Unix socket or https/],
    [{ url: "http://127.0.0.1.example.com", token: "x" }, /a token is sent to loopback/],
    [{ token: "a b" }, /the token is empty or has characters that a header cannot hold/],
    [{ token: "a\r\nx: y" }, /the token is empty or has characters that a header cannot hold/],
    [{ tokenFile: "/nonexistent" }, /the token file cannot be read: ENOENT/],
    [{ token: "a", tokenFile: "/x" }, /`token` and `tokenFile` are both set/],
    [{ ca: "x" }, /TLS options are set but the URL is not https/],
    [{ url: "https://x", key: "x" }, /`key` is set without `cert`/],
    [{ url: "https://x", cert: "x", key: "y" }, /the TLS files cannot be used/],
    [{ url: "https://x", caFile: "/nonexistent" }, /the TLS files cannot be used: ENOENT/],
    [{ timeoutMs: 0 }, /the timeout is not between 0 and 3600 seconds/],
    [{ timeoutMs: Number.NaN }, /the timeout is not between 0 and 3600 seconds/],
    [{ pool: 0 }, /`pool` is not a whole number from 1 on/],
    [{ socketPath: "/x", fetch }, /`fetch` reaches no Unix socket/],
    [{ timeout: 5 }, /unknown options of a client: timeout/],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => new Client(options as ClientOptions), (error: Error) => {
      assert.ok(error instanceof ConfigurationError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});

test("the host cannot replace what the session keeps", async () => {
  const cases: [object, string][] = [
    [{ budgets: {} }, "`envelope` has what the session keeps itself: budgets"],
    [{ agent: { id: "other" } }, "`envelope` has what the session keeps itself: id"],
  ];
  for (const [envelope, message] of cases) {
    const session = client.session("a", { envelope: () => envelope as { [name: string]: unknown } });
    const blocked = await blockOf(() => session.input("x"));
    assert.deepEqual([blocked.cause, blocked.decision.message], ["snapshot", message]);
  }
  const blocked = await blockOf(() => client.session("a", { init: { agent: 1 } }).start());
  assert.equal(blocked.decision.message, "`init` may not have agent");
});

test("what is measured has a decimal point, and what the host brings is sent", async () => {
  const { watched, bodies } = watching();
  const session = watched.session("a", {
    clock: STOPPED,
    envelope: { environment: "test", agent: { trust_score: 7 } },
    approvalWindowSeconds: 60,
    counters: true,
    tenant: "t",
    labels: ["b", "a"],
    context: { region: "eu" },
    cost: () => 2,
  });
  const ids = { trace_id: "0".repeat(31) + "1", span_id: "0".repeat(15) + "2" };
  await trace(`00-${ids.trace_id}-${ids.span_id}-01`, () => session.preToolCall("search_help", { q: 1 }));
  await session.postToolCall("search_help", { q: 1 }, "x", { durationMs: 3 });
  const { dialect, snapshot } = JSON.parse(bodies[0] ?? "");
  assert.equal(dialect, "0.3");
  const { envelope, ifc, region } = snapshot;
  assert.deepEqual(
    { ...envelope, session: null },
    {
      agent: { id: "a", trust_score: 7 },
      approvals: { count: 0, window_seconds: 60 },
      budgets: { cost_usd: 0, elapsed_seconds: 0, token_count: 0, tool_call_count: 0 },
      counters: { requests: { hour: 0, minute: 0 }, tokens: { hour: 0, minute: 0 } },
      environment: "test",
      intervention_point: "pre_tool_call",
      session: null,
      tenant: { id: "t" },
      timestamp: "2025-01-15T10:00:00.000Z",
      trace: ids,
    },
  );
  assert.deepEqual([ifc, region], [{ source_labels: ["a", "b"] }, "eu"]);
  assert.match(bodies[0] ?? "", /"cost_usd":0\.0,"elapsed_seconds":0\.0/);
  assert.match(bodies[1] ?? "", /"duration_ms":3\.0/);
});

test("a batch gives its verdicts in order", async () => {
  const snapshot = (name: string): object => ({ tool_call: { name, args: {} } });
  const decisions = await client.evaluateBatch([
    { point: "pre_tool_call", snapshot: snapshot("search_help") },
    { point: "pre_tool_call", snapshot: snapshot("close_account") },
    { point: "nowhere", snapshot: {} },
  ]);
  assert.deepEqual(
    decisions.map(({ decision }) => decision),
    ["allow", "deny", "deny"],
  );
  await assert.rejects(
    client.evaluateBatch([{ point: "input", snapshot: {}, mod: "x" } as never]),
    /unknown options of a call: mod/,
  );
});

test("over a Unix socket it is the same", async () => {
  for (const options of [{ socketPath: setting("SERVICE_SOCKET") }, { url: `unix://${setting("SERVICE_SOCKET")}` }]) {
    const local = new Client({ ...options, manifest: "support-agent" });
    assert.equal((await local.session("a").output("bob@example.com")).value, "[email]");
    assert.ok((await local.points()).has("pre_tool_call"));
    local.close();
  }
});

test("10,000 calls mix no answers and leave no connection", async () => {
  const local = new Client({ socketPath: setting("SERVICE_SOCKET"), manifest: "support-agent", timeoutMs: 60_000 });
  const before = process.getActiveResourcesInfo().length;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let call = next++; call < 10_000; call = next++) {
      const snapshot = { response: { content: `call-${call}@example.com is ${call}` } };
      const decision = await local.evaluate("output", snapshot, { requestId: `r-${call}` });
      assert.deepEqual([decision.requestId, decision.value], [`r-${call}`, `[email] is ${call}`]);
      assert.equal(decision.raw["request_id"], `r-${call}`);
    }
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  assert.ok(process.getActiveResourcesInfo().length <= before + 32);
  local.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(process.getActiveResourcesInfo().length <= before + 1);
});

test("a session without a bound sends no provenance, and refuses a bound that is none", async () => {
  const { watched, bodies } = watching();
  await watched.session("a", { points: ["input"] }).input("hello");
  assert.ok(!(bodies[0] ?? "").includes("provenance"));
  for (const provenance of [255, -1, 1.5, Number.NaN]) {
    assert.throws(() => client.session("a", { provenance }), ConfigurationError);
  }
  assert.throws(() => client.session("a", { context: { provenance: {} } }), ConfigurationError);
});
