/** An approval lifts the one call that it is of, and lifts it once (section 12.7). */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, Denied, Escalated, type JsonObject, type Session, type SessionOptions } from "acs-sidecar-client";
import { blockOf, SERVICE, signed } from "./support.js";

const PAYMENT = { recipient: "acme", amount_cents: 200001, currency: "EUR" };

let client: Client;
before(() => {
  client = new Client({ url: SERVICE, manifest: "payments-agent" });
});
after(() => client.close());

async function escalated(options: SessionOptions = {}): Promise<[Session, JsonObject]> {
  const session = client.session("payments-agent", { id: "s-1", ...options });
  const blocked = await blockOf(() => session.preToolCall("pay", PAYMENT, { id: "c-1" }));
  assert.ok(blocked instanceof Escalated);
  assert.ok(blocked.ticket);
  return [session, JSON.parse(JSON.stringify(blocked.ticket))];
}

test("an approver of the session lifts the call where it was made", async () => {
  for (const approver of [signed, async (ticket: JsonObject) => signed(ticket)]) {
    const session = client.session("payments-agent", { approver });
    const { decision, reason, value } = await session.preToolCall("pay", PAYMENT);
    assert.deepEqual([decision, reason, value], ["allow", "approved", PAYMENT]);
    assert.equal(session.budgets.calls, 1);
  }
});

test("a ticket that comes back lets the same call go on, once", async () => {
  const [session, ticket] = await escalated();
  const options = { id: "c-1", ticket, approval: signed(ticket) };
  assert.deepEqual((await session.preToolCall("pay", PAYMENT, options)).value, PAYMENT);
  const again = await blockOf(() => session.preToolCall("pay", PAYMENT, options));
  assert.deepEqual([again.cause, again.decision.reason], ["ticket_used", "runtime_error:approval_resolver_failed"]);
  assert.ok((await blockOf(() => session.preToolCall("pay", PAYMENT, { id: "c-2" }))) instanceof Escalated);
});

test("two attempts at once with one approval run once", async () => {
  const [session, ticket] = await escalated();
  const options = { id: "c-1", ticket, approval: signed(ticket) };
  const attempts = [1, 2, 3].map(() => session.preToolCall("pay", PAYMENT, options));
  const states = (await Promise.allSettled(attempts)).map(({ status }) => status);
  assert.deepEqual(states.sort(), ["fulfilled", "rejected", "rejected"]);
});

test("a ticket of another call is refused", async () => {
  const cases: [string, object, string, string][] = [
    ["wire", PAYMENT, "c-1", "it is of another tool"],
    ["pay", { ...PAYMENT, amount_cents: 200002 }, "c-1", "it is of other arguments"],
    ["pay", PAYMENT, "c-2", "it is of another call"],
  ];
  const [session, ticket] = await escalated();
  const approval = signed(ticket);
  for (const [name, args, id, message] of cases) {
    const blocked = await blockOf(() => session.preToolCall(name, args, { id, ticket, approval }));
    assert.deepEqual(
      [blocked.cause, blocked.decision.message],
      ["ticket", `the ticket is not of this action: ${message}`],
    );
  }
  assert.equal(session.budgets.calls, 0);
});

test("a ticket that was changed is refused", async () => {
  // biome-ignore lint: a ticket may come back as anything
  const cases: [(ticket: any) => unknown, string][] = [
    [(ticket) => (ticket.snapshot.envelope.agent.id = "other"), "it is of another agent"],
    [(ticket) => (ticket.snapshot.envelope.session.id = "other"), "it is of another session"],
    [(ticket) => (ticket.point = "post_tool_call"), "it is of another intervention point"],
    [(ticket) => (ticket.version = 2), "it is no ticket of version 1"],
    [(ticket) => (ticket.note = ""), "it is no ticket of version 1"],
    [(ticket) => (ticket.approval = null), "it has no snapshot or no approval"],
    [(ticket) => (ticket.snapshot = []), "it has no snapshot or no approval"],
    [(ticket) => (ticket.approval.challenge = null), "it has no challenge or no request id"],
    [(ticket) => (ticket.request_id = 7), "it has no challenge or no request id"],
    [(ticket) => delete ticket.snapshot.tool_call, "it is of another tool"],
    [(ticket) => (ticket.message = 5n), "$.message is a bigint, which is not JSON"],
  ];
  const [session, ticket] = await escalated();
  const approval = signed(ticket);
  for (const [change, message] of cases) {
    const changed = structuredClone(ticket);
    change(changed);
    const blocked = await blockOf(() =>
      session.preToolCall("pay", PAYMENT, { id: "c-1", ticket: changed, approval }),
    );
    assert.equal(blocked.decision.message, `the ticket is not of this action: ${message}`);
  }
  for (const given of [null, "ticket", [], {}]) {
    const blocked = await blockOf(() => session.preToolCall("pay", PAYMENT, { ticket: given, approval }));
    assert.equal(blocked.cause, "ticket");
  }
});

test("a snapshot that was changed is refused by the service", async () => {
  const [session, ticket] = await escalated();
  const approval = signed(ticket);
  const { envelope } = ticket["snapshot"] as { envelope: JsonObject };
  envelope["timestamp"] = "2020-01-01T00:00:00.000Z";
  const blocked = await blockOf(() => session.preToolCall("pay", PAYMENT, { id: "c-1", ticket, approval }));
  assert.equal(blocked.decision.reason, "runtime_error:approval_action_mismatch");
});

test("what is no signature lifts nothing", async () => {
  const [session, ticket] = await escalated();
  const attempt = (approval?: string) =>
    blockOf(() => session.preToolCall("pay", PAYMENT, { id: "c-1", ticket, approval }));
  assert.ok((await attempt()) instanceof Escalated);
  assert.ok((await attempt("")) instanceof Escalated);
  for (const approval of ["yes", "allow", signed(ticket, "deny")]) assert.ok((await attempt(approval)) instanceof Denied);
  for (const [answer, kind] of [["deny", Denied], ["suspend", Escalated], [null, Escalated]] as const) {
    const asking = client.session("payments-agent", { approver: () => answer });
    assert.ok((await blockOf(() => asking.preToolCall("pay", PAYMENT))) instanceof kind);
  }
  const clicking = client.session("payments-agent", { approver: () => true as never });
  await assert.rejects(clicking.preToolCall("pay", PAYMENT), /`approver` returns an approval text/);
  assert.equal(session.budgets.calls, 0);
});
