/** Values of an agent as JSON: faithful or refused (section 12.5). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { Client, SnapshotError, toJson, type Json } from "acs-sidecar-client";
import { VECTORS } from "./support.js";

/** The bytes that a client sends of a snapshot. */
async function sent(snapshot: Json): Promise<string> {
  let body = "";
  const client = new Client({
    url: "http://127.0.0.1:9",
    fetch: async (_, options) => {
      body = String(options?.body);
      return new Response("{}");
    },
  });
  await client.evaluate("input", { x: snapshot }).catch(() => undefined);
  const found = /"snapshot":\{"x":(.*)\}\}$/s.exec(body);
  assert.ok(found?.[1], body);
  return found[1];
}

test("every client writes the same bytes", async (t) => {
  for (const [name, [text, encoded]] of Object.entries(VECTORS.encodings) as [string, [string, string]][]) {
    await t.test(name, async () => assert.equal(await sent(JSON.parse(text)), encoded));
  }
});

test("what has a faithful form is sent in it", async () => {
  const bytes = new TextEncoder().encode("abc");
  const media = {
    type: "media",
    media_type: "application/octet-stream",
    bytes: 3,
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  };
  const cases: [unknown, Json][] = [
    [{ a: [1, 2.5, null, true], b: undefined }, { a: [1, 2.5, null, true] }],
    [new Date(Date.UTC(2025, 0, 15)), "2025-01-15T00:00:00.000Z"],
    [new Set([3, 1, 2]), [1, 2, 3]],
    [new Map([["a", new Map([["b", 1]])]]), { a: { b: 1 } }],
    [bytes, media],
    [Buffer.from("xabcx").subarray(1, 4), media],
    [bytes.buffer, media],
    [runInNewContext("({ a: [{}] })"), { a: [{}] }],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [{ constructor: 1, toString: 2, hasOwnProperty: 3 }, { constructor: 1, toString: 2, hasOwnProperty: 3 }],
  ];
  for (const [value, json] of cases) assert.deepEqual(toJson(value), json);
  assert.equal(await sent(-0), "-0.0");
});

class Money {
  readonly amount = 5;
  toJSON(): number {
    return 0;
  }
}

test("everything else is refused by its place, and never described", () => {
  const loop: unknown[] = [];
  loop.push(loop);
  const shared: unknown[] = [];
  let wide: unknown[] = shared;
  for (let depth = 0; depth < 64; depth++) wide = [wide, wide];
  const throwing = {
    get secret(): string {
      throw new Error("the secret is 123");
    },
  };
  const cases: [unknown, string][] = [
    [{ a: [() => 1] }, "$.a[0] is a function, which is not JSON"],
    [{ a: Number.NaN }, "$.a is not a finite number"],
    [[Number.POSITIVE_INFINITY], "$[0] is not a finite number"],
    [2 ** 53, "$ is an integer beyond 2^53"],
    [-(2 ** 53), "$ is an integer beyond 2^53"],
    [1e300, "$ is an integer beyond 2^53"],
    [{ n: 5n }, "$.n is a bigint, which is not JSON"],
    [undefined, "$ is a undefined, which is not JSON"],
    [[1, undefined], "$[1] is a undefined, which is not JSON"],
    [new Array(2), "$[0] is a undefined, which is not JSON"],
    [Symbol("x"), "$ is a symbol, which is not JSON"],
    [new Date(Number.NaN), "$ is a date that is none"],
    [{ a: "\ud800" }, "$.a is a text that is not valid Unicode"],
    [{ "\udc00": 1 }, "$ has a name that is not valid Unicode"],
    [JSON.parse('{"a": {"__proto__": {"to": "x"}}}'), "$.a has a member `__proto__`"],
    [new Map([["__proto__", 1]]), "$ has a member `__proto__`"],
    [new Map([[1, 2]]), "$ has a name that is not text"],
    [new Money(), "$ is a Money, which is not JSON"],
    [{ toJSON: () => 1 }, "$.toJSON is a function, which is not JSON"],
    [new String("x"), "$ is a String, which is not JSON"],
    [new Error("x"), "$ is a Error, which is not JSON"],
    [Promise.resolve(1), "$ is a Promise, which is not JSON"],
    [throwing, "$ cannot be read"],
    [loop, `$${"[0]".repeat(66)}[…is nested more than 200 deep`],
    [wide, "past 1000000 values"],
  ];
  for (const [value, message] of cases) {
    assert.throws(
      () => toJson(value),
      (error) => {
        assert.ok(error instanceof SnapshotError);
        const [start = "", end = ""] = message.split("…");
        assert.ok(error.message.startsWith(start) || error.message.endsWith(start), error.message);
        assert.ok(error.message.endsWith(end), error.message);
        return true;
      },
    );
  }
});

test("a member is read once, and what was judged does not change", () => {
  let reads = 0;
  const value = {
    get to(): string {
      return reads++ === 0 ? "team@example.com" : "thief@example.org";
    },
  };
  const json = toJson(value) as { to: string };
  assert.deepEqual([json.to, json.to, reads], ["team@example.com", "team@example.com", 1]);
});
