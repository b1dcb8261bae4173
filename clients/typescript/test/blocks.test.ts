/** Whatever a service or a network does, nothing goes on without a verdict (section 12.2). */

import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { Client, Denied, Unavailable, type Point, type Session } from "acs-sidecar-client";
import { ALLOW, blockOf, Canned, type Answer } from "./support.js";

const POINTS: { [point in Exclude<Point, "agent_shutdown">]: (session: Session) => Promise<unknown> } = {
  agent_startup: (session) => session.start(),
  input: (session) => session.input("hello"),
  pre_model_call: (session) => session.preModelCall([{ role: "user", content: "hello" }]),
  post_model_call: (session) => session.postModelCall({ content: "hello", finish_reason: "stop" }),
  pre_tool_call: (session) => session.preToolCall("search", { q: "x" }),
  post_tool_call: (session) => session.postToolCall("search", { q: "x" }, "found"),
  output: (session) => session.output("hello"),
};
const NAMES = Object.keys(POINTS) as (keyof typeof POINTS)[];

let server: Canned;
before(async () => {
  server = await Canned.start();
});
after(() => server.end());

async function withClient<T>(action: (client: Client) => Promise<T>, timeoutMs = 5000): Promise<T> {
  const client = new Client({ url: server.url, timeoutMs });
  try {
    return await action(client);
  } finally {
    client.close();
  }
}

test("a bad answer blocks at every point", async (t) => {
  for (const [name, { cause, status }] of Object.entries(server.bad)) {
    await t.test(name, async () => {
      await server.answer(name);
      for (const point of NAMES) {
        const check = async (client: Client): Promise<void> => {
          const session = client.session("a", { points: NAMES });
          const blocked = await blockOf(() => POINTS[point](session));
          assert.ok(blocked instanceof Unavailable);
          const { decision } = blocked;
          assert.deepEqual(
            [blocked.cause, blocked.point, decision.decision, decision.reason],
            [cause, point, "deny", "runtime_error:policy_invocation_failed"],
          );
          if (name !== "a status line alone") assert.equal(blocked.status, status);
          assert.equal(session.budgets.calls, 0);
        };
        await withClient(check, name === "nothing" ? 60 : 5000);
      }
    });
  }
});

const raw = (body: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const TRANSFORM = { ...ALLOW, verdict: { decision: "transform" } };
const APPLIED = { transformed_policy_target_applied: true, transformed_policy_target: 1 };
const NOT_JSON = "the answer is not JSON:";
const AMBIGUOUS: { [name: string]: [Answer, string] } = {
  "two verdicts": [
    raw('{"intervention_point":"input","verdict":{"decision":"deny"},"verdict":{"decision":"allow"}}'),
    `${NOT_JSON} it has two members of one name`,
  ],
  "one name, escaped once": [
    raw('{"intervention_point":"input","verdict":{"decision":"deny","\\u0064ecision":"allow"}}'),
    `${NOT_JSON} it has two members of one name`,
  ],
  "a verdict by inheritance": [
    raw('{"intervention_point":"input","__proto__":{"verdict":{"decision":"allow"}}}'),
    `${NOT_JSON} it has a member \`__proto__\``,
  ],
  "a decision by inheritance": [
    raw('{"intervention_point":"input","verdict":{"__proto__":{"decision":"allow"}}}'),
    `${NOT_JSON} it has a member \`__proto__\``,
  ],
  "an integer that is rounded": [
    raw(JSON.stringify({ ...TRANSFORM, ...APPLIED }).replace(/1}$/, "9007199254740993}")),
    `${NOT_JSON} it has an integer beyond 2^53`,
  ],
  infinity: [
    raw(JSON.stringify({ ...ALLOW, x: 1 }).replace(/1}$/, "1e400}")),
    `${NOT_JSON} it has a number that is not finite`,
  ],
  "a number that JSON has not": [raw('{"verdict":NaN}'), `${NOT_JSON} it is not JSON`],
  "a text after the answer": [raw(`${JSON.stringify(ALLOW)}{}`), `${NOT_JSON} something follows the value`],
  "bytes that are no text": [raw('{"verdict":"\xff"}'), `${NOT_JSON} it is not UTF-8`],
  "a mark before the answer": [raw(`\xef\xbb\xbf${JSON.stringify(ALLOW)}`), `${NOT_JSON} it is not JSON`],
  "a text as answer": [{ body: "allow" }, "the response has no verdict"],
  "a text as verdict": [{ body: { ...ALLOW, verdict: "allow" } }, "the response has no verdict"],
  "a decision that every object has": [
    { body: { ...ALLOW, verdict: { decision: "toString" } } },
    "the verdict is none of the five decisions",
  ],
  "a point that every object has": [
    { body: { ...ALLOW, intervention_point: "constructor" } },
    "the verdict is on another intervention point",
  ],
  "another request": [{ body: { ...ALLOW, request_id: "other" } }, "the response is to another request"],
  "another mode": [{ body: { ...ALLOW, mode: "evaluate_only" } }, "the verdict is of another mode"],
  "a reason that is a number": [
    { body: { ...ALLOW, verdict: { decision: "allow", reason: 3 } } },
    "`reason` is not text",
  ],
  "labels that are a text": [
    { body: { ...ALLOW, verdict: { decision: "allow", result_labels: "a" } } },
    "`result_labels` is not a list of texts",
  ],
  "evidence that is a list": [
    { body: { ...ALLOW, verdict: { decision: "allow", evidence: [] } } },
    "`evidence` is not an object",
  ],
  "a transform that is not applied": [{ body: TRANSFORM }, "a transform was not applied"],
  "a transform that is nearly applied": [
    { body: { ...TRANSFORM, ...APPLIED, transformed_policy_target_applied: "yes" } },
    "a transform was not applied",
  ],
  "a transform without its value": [
    { body: { ...TRANSFORM, transformed_policy_target_applied: true } },
    "the transformed policy target is missing or not asked for",
  ],
  "a value that nobody asked for": [
    { body: { ...ALLOW, ...APPLIED } },
    "the transformed policy target is missing or not asked for",
  ],
};

test("an answer that could be read in two ways is none", async (t) => {
  for (const [name, [answer, message]] of Object.entries(AMBIGUOUS)) {
    await t.test(name, async () => {
      await server.answer(answer);
      const blocked = await withClient((client) => blockOf(() => client.evaluate("input", {})));
      assert.ok(blocked instanceof Unavailable);
      assert.deepEqual([blocked.cause, blocked.decision.message], ["protocol", message]);
    });
  }
});

const HEAD = "HTTP/1.1 200 OK\r\n";
const NOT_HTTP: { [name: string]: string } = {
  "another protocol": "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
  "a head without end": `${HEAD}x: ${"y".repeat(100_000)}`,
  "two lengths": `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
  "a length and pieces": `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  "pieces that break off": `${HEAD}transfer-encoding: chunked\r\n\r\nff\r\n{}!cut`,
  "a compressed answer": `${HEAD}content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00`,
};

test("what is not HTTP ends the call before its deadline", async (t) => {
  for (const [name, answer] of Object.entries(NOT_HTTP)) {
    await t.test(name, async () => {
      await server.answer(answer);
      const blocked = await withClient((client) => blockOf(() => client.evaluate("input", {})), 60_000);
      assert.ok(blocked instanceof Unavailable);
      assert.equal(blocked.cause, "protocol");
    });
  }
});

test("the size of an answer is bounded", async () => {
  await server.answer({ body: " ".repeat(17 << 20) });
  const blocked = await withClient((client) => blockOf(() => client.evaluate("input", {})), 60_000);
  assert.deepEqual([blocked.cause, blocked.decision.message], ["protocol", "the answer is over 16 MiB"]);
});

test("a service that is not there blocks at every point", async () => {
  const closed = await listening(() => undefined);
  closed.server.close();
  for (const point of NAMES) {
    const client = new Client({ url: closed.url });
    const blocked = await blockOf(() => POINTS[point](client.session("a", { points: NAMES })));
    assert.deepEqual([blocked.cause, blocked.point], ["unreachable", point]);
  }
  const client = new Client({ socketPath: "/nonexistent/acs.sock" });
  assert.equal((await blockOf(() => client.evaluate("input", {}))).cause, "unreachable");
});

test("a refusal of the service is a deny with its reason", async () => {
  const body = { detail: "not yours", verdict: { decision: "deny", reason: "runtime_error:request_invalid" } };
  await server.answer({ body, status: 403 });
  const blocked = await withClient((client) => blockOf(() => client.evaluate("input", {})));
  assert.ok(blocked instanceof Denied);
  assert.deepEqual([blocked.cause, blocked.status], ["service", 403]);
  assert.equal(blocked.message, "denied by policy: runtime_error:request_invalid: not yours");
});

test("a busy service is asked again, twice, with the same request id", async () => {
  for (const status of [429, 503]) {
    const busy = { body: {}, status, headers: { retry_after: "0" } };
    await server.answer(busy, busy, { body: ALLOW });
    await withClient(async (client) => {
      assert.ok((await client.evaluate("input", {})).allowed);
      const first = (await server.seen()).requests.map((request) => request.split("\r\n\r\n")[1]);
      assert.deepEqual([first.length, new Set(first).size], [3, 1]);
      await server.answer(busy);
      assert.equal((await blockOf(() => client.evaluate("input", {}))).status, status);
      const second = (await server.seen()).requests.map((request) => request.split("\r\n\r\n")[1]);
      assert.equal(second.length, 3);
      assert.notEqual(second[0], first[0]);
    });
  }
});

test("nothing else is asked again", async () => {
  const answers: { body: unknown; status: number; headers?: { [name: string]: string } }[] = [
    { body: {}, status: 503, headers: { retry_after: "60" } },
    { body: {}, status: 503 },
    { body: {}, status: 500, headers: { retry_after: "0" } },
    { body: ALLOW, status: 307, headers: { location: "/v1/evaluate/input", retry_after: "0" } },
  ];
  for (const answer of answers) {
    await server.answer(answer);
    const blocked = await withClient((client) => blockOf(() => client.evaluate("input", {})), 1000);
    assert.deepEqual([blocked.cause, blocked.status], ["status", answer.status]);
    assert.equal((await server.seen()).requests.length, 1);
  }
});

test("a kept connection that was closed is replaced", async () => {
  await server.answer({ body: ALLOW });
  await withClient(async (client) => {
    await client.evaluate("input", {});
    await client.evaluate("input", {});
    assert.equal((await server.seen()).connections, 1);
    await server.hangUp();
    assert.ok((await client.evaluate("input", {})).allowed);
    assert.equal((await server.seen()).connections, 2);
  });
});

test("a kept connection that closes under a request is replaced", async () => {
  let requests = 0;
  const { server: closing, url } = await listening((socket) => {
    let isFirst = true;
    socket.on("data", () => {
      requests++;
      if (isFirst) socket.write(raw(JSON.stringify(ALLOW)));
      else socket.destroy();
      isFirst = false;
    });
  });
  const client = new Client({ url });
  await client.evaluate("input", {});
  assert.ok((await client.evaluate("input", {})).allowed);
  assert.equal(requests, 3);
  client.close();
  closing.close();
});

test("an answer that nobody asked for answers nothing", async () => {
  const allow = raw(JSON.stringify(ALLOW));
  const deny = { ...ALLOW, verdict: { decision: "deny" } };
  await server.answer(allow + allow, { body: deny });
  await withClient(async (client) => {
    await client.evaluate("input", {}).catch(() => undefined);
    assert.ok(!(await client.evaluate("input", {})).allowed);
  });
  let requests = 0;
  const { server: late, url } = await listening((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => {
      socket.write(requests++ === 0 ? allow : raw(JSON.stringify(deny)));
      if (requests === 1) setTimeout(() => socket.write(allow), 20);
    });
  });
  const client = new Client({ url });
  assert.ok((await client.evaluate("input", {})).allowed);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(!(await client.evaluate("input", {})).allowed);
  client.close();
  late.close();
});

test("a dripping answer ends with the deadline", async () => {
  const { server: dripping, url } = await listening((socket) => {
    const bytes = [...raw(JSON.stringify(ALLOW)).repeat(9)];
    const timer = setInterval(() => socket.write(bytes.shift() ?? " "), 20);
    socket.on("error", () => clearInterval(timer));
    socket.on("close", () => clearInterval(timer));
  });
  const client = new Client({ url, timeoutMs: 300 });
  assert.equal((await blockOf(() => client.evaluate("input", {}))).cause, "deadline");
  client.close();
  dripping.close();
});

test("code that catches nothing stops", async () => {
  await server.answer({ body: {} });
  const ran: unknown[] = [];
  await withClient(async (client) => {
    const session = client.session("a", { points: ["pre_tool_call"] });
    await blockOf(() => session.tool("rm", {}, ({ args }) => ran.push(args)));
  });
  assert.deepEqual(ran, []);
});

test("calls that wait for a connection end with their own deadline", async () => {
  await server.answer(null);
  const client = new Client({ url: server.url, pool: 1, timeoutMs: 200 });
  const calls = Array.from({ length: 20 }, () => blockOf(() => client.evaluate("input", {})));
  const causes = new Set((await Promise.all(calls)).map(({ cause }) => cause));
  assert.deepEqual([...causes], ["deadline"]);
  await server.answer({ body: ALLOW });
  const patient = new Client({ url: server.url, pool: 1 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => patient.evaluate("input", {})));
  assert.ok(answers.every(({ allowed }) => allowed));
  for (const made of [client, patient]) made.close();
});

test("what other code adds to all objects is no verdict, no option and no member", async () => {
  const added = { verdict: { decision: "allow" }, decision: "allow", mode: "evaluate_only", status: 200 };
  const everywhere = Object.prototype as { [name: string]: unknown };
  try {
    for (const [name, value] of Object.entries(added)) {
      Object.defineProperty(everywhere, name, { value, configurable: true, writable: true });
    }
    for (const body of [{}, { intervention_point: "pre_tool_call" }, { intervention_point: "pre_tool_call", verdict: {} }]) {
      await server.answer({ body });
      const check = (client: Client) => blockOf(() => client.session("a", { points: ["pre_tool_call"] }).preToolCall("x", {}));
      assert.ok((await withClient(check)) instanceof Unavailable);
    }
  } finally {
    for (const name of Object.keys(added)) delete everywhere[name];
  }
});

test("over fetch, every bad answer blocks too", async () => {
  for (const [name, { cause }] of Object.entries(server.bad)) {
    await server.answer(name);
    const client = new Client({ url: server.url, fetch, timeoutMs: name === "nothing" ? 60 : 5000 });
    const blocked = await blockOf(() => client.evaluate("input", {}));
    assert.ok(blocked instanceof Unavailable);
    const expected = cause === "status" || cause === "deadline" ? [cause] : ["protocol", "unreachable"];
    assert.ok(expected.includes(blocked.cause), `${name}: ${blocked.cause}`);
  }
  await server.answer({ body: ALLOW });
  assert.ok((await new Client({ url: server.url, fetch }).evaluate("input", {})).allowed);
});

async function listening(talk: (socket: Socket) => void): Promise<{ server: Server; url: string }> {
  const made = createServer(talk);
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return { server: made, url: `http://127.0.0.1:${(made.address() as AddressInfo).port}` };
}
