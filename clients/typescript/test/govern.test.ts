/** Functions that run only as permitted tool calls (section 12.6). */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, govern, governed } from "acs-sidecar-client";
import { blockOf, SERVICE } from "./support.js";

let client: Client;
before(() => {
  client = new Client({ url: SERVICE, manifest: "governed" });
});
after(() => client.close());

test("a function runs with what is permitted, and its result is what is permitted", async () => {
  const ran: unknown[] = [];
  const send = govern(({ to, text }: { to: string; text: string }) => {
    ran.push([to, text]);
    return `sent secret-123 to ${to}`;
  }, { name: "send_email" });
  await client.session("a").run(async () => {
    assert.equal(await send({ to: "x@example.org", text: "hi" }), "sent [secret] to team@example.com");
  });
  assert.deepEqual(ran, [["team@example.com", "hi"]]);
});

test("a denied function does not run", async () => {
  const deleteFile = govern(
    function delete_file(path: string): void {
      assert.fail(`it ran on ${path}`);
    },
    { parameters: ["path"], session: client.session("a") },
  );
  const blocked = await blockOf(() => deleteFile("/etc/passwd"));
  assert.equal(blocked.message, "denied by policy: no_deletes: Nothing is deleted.");
});

test("outside of any session nothing runs", async () => {
  const search = govern(function search(): void {
    assert.fail("it ran");
  });
  const blocked = await blockOf(() => search());
  assert.deepEqual([blocked.cause, blocked.decision.message], ["ungoverned", "`search` is called outside of any session: no tool runs"]);
});

test("without a service nothing runs, for a process session too", async () => {
  process.env["ACSCLIENT_URL"] = "http://127.0.0.1:9";
  const search = govern(function search(): void {
    assert.fail("it ran");
  }, { agent: "a" });
  for (const _ of [1, 2]) assert.equal((await blockOf(() => search())).cause, "unreachable");
  process.env["ACSCLIENT_URL"] = SERVICE;
  process.env["ACSCLIENT_MANIFEST"] = "governed";
  const found = govern(() => "found", { name: "search", agent: "a" });
  assert.equal(await found(), "found");
});

test("positional arguments need names, and each has one", async () => {
  const session = client.session("a");
  const ran: unknown[] = [];
  const add = (a: number, b?: number): number => {
    ran.push([a, b]);
    return a;
  };
  const named = govern(add, { session, parameters: ["a", "b"] });
  assert.deepEqual([await named(1, 2), await named(3)], [1, 3]);
  assert.deepEqual(ran, [[1, 2], [3, undefined]]);
  for (const call of [
    () => govern(add, { session })(1, 2),
    () => govern(add, { session, parameters: ["a"] })(1, 2),
    () => govern(add as (x: unknown) => unknown, { session })([1]),
  ]) {
    const blocked = await blockOf(call);
    assert.deepEqual([blocked.cause, blocked.point], ["snapshot", "pre_tool_call"]);
  }
  assert.equal(ran.length, 2);
});

test("what runs is what was judged, whatever happens to it meanwhile", async () => {
  const session = client.session("a");
  const seen: unknown[] = [];
  const search = govern((args: { q: { text: string }; at: Date }) => void seen.push(args), { session, name: "search" });
  let reads = 0;
  const at = new Date(0);
  const args = {
    q: { text: "harmless" },
    at,
    get extra(): number {
      return reads++;
    },
  };
  const running = search(args);
  args.q.text = "bomb";
  at.setTime(1);
  await running;
  assert.deepEqual(seen, [{ q: { text: "harmless" }, at: new Date(0), extra: 0 }]);
});

test("a transform of what is not plain JSON is a deny", async () => {
  const session = client.session("a");
  const send = govern((_: { to: Date }) => assert.fail("it ran"), { session, name: "send_email" });
  const before_ = await blockOf(() => send({ to: new Date(0) }));
  assert.deepEqual([before_.cause, before_.point], ["write_back", "pre_tool_call"]);
  const search = govern(() => new Map([["a", "secret-123"]]), { session, name: "search" });
  const after_ = await blockOf(() => search());
  assert.deepEqual([after_.cause, after_.point], ["write_back", "post_tool_call"]);
});

test("results keep their kind when nothing changes them", async () => {
  const session = client.session("a");
  const map = await govern(() => new Map([["a", new Date(5)]]), { session, name: "search" })();
  assert.deepEqual(map, new Map([["a", new Date(5)]]));
  assert.equal(await govern(() => undefined, { session, name: "search" })(), undefined);
  const blocked = await blockOf(() => govern(() => Promise.resolve(5n), { session, name: "search" })());
  assert.deepEqual([blocked.cause, blocked.point], ["snapshot", "post_tool_call"]);
});

test("methods keep `this`, and a decorator is the same", async () => {
  const session = client.session("a");
  class Mailbox {
    readonly sent: string[] = [];

    @governed({ name: "send_email", session })
    async send({ to }: { to: string }): Promise<string> {
      this.sent.push(to);
      return to;
    }
  }
  const mailbox = new Mailbox();
  assert.equal(await mailbox.send({ to: "x@example.org" }), "team@example.com");
  assert.deepEqual(mailbox.sent, ["team@example.com"]);
});

test("watching changes nothing and stops nothing", async () => {
  const session = client.session("a", { mode: "evaluate_only", log: () => undefined });
  const remove = govern((path: string, f: () => string) => path + f(), { session, name: "delete_file", parameters: ["path", "f"] });
  assert.equal(await remove("/x", () => "secret-123"), "/xsecret-123");
});

test("what cannot be governed is refused where it is made", () => {
  const make = (tool: unknown, options?: object) => () => govern(tool as () => void, options);
  assert.throws(make(function* rows() {}), /a generator function cannot be governed/);
  assert.throws(make(async function* rows() {}), /a generator function cannot be governed/);
  assert.throws(make({}), /`govern` takes a function/);
  assert.throws(make((() => () => 1)()), /the function has no name/);
  assert.throws(make(function f() {}, { nam: "g" }), /unknown options of a governed function: nam/);
});
