/** The snapshot profile (section 12.4): where the policy target of each point stands. */

import { encode, isObject, isSame, own, type Json, type JsonObject } from "./json.js";

const TARGETS = {
  agent_startup: ["agent_init"],
  input: ["input", "body"],
  pre_model_call: ["messages"],
  post_model_call: ["response"],
  pre_tool_call: ["tool_call", "args"],
  post_tool_call: ["tool_result", "value"],
  output: ["response", "content"],
  agent_shutdown: ["summary"],
} as const;

/** An intervention point. */
export type Point = keyof typeof TARGETS;

/** The intervention points, in the order of a run. */
export const POINTS: readonly Point[] = Object.keys(TARGETS) as Point[];

/** The members of a snapshot that are the profile's. */
export const RESERVED_MEMBERS: ReadonlySet<string> = new Set([
  "envelope",
  "ifc",
  "agent_init",
  "input",
  "model",
  "messages",
  "tools",
  "request_id",
  "response",
  "usage",
  "tool_call",
  "tool_result",
  "message_chain",
  "summary",
  "provenance",
]);

/** A transform cannot be put back whole; the message says why. */
export class WriteBackError extends Error {}

/** True for an intervention point of the profile. */
export function isPoint(name: unknown): name is Point {
  return typeof name === "string" && Object.hasOwn(TARGETS, name);
}

/** Return the policy target of the profile in a snapshot, or in the members that one is made of. */
export function targetOf<T>(point: Point, snapshot: { readonly [name: string]: T }): T {
  let value: unknown = snapshot;
  for (const name of TARGETS[point]) value = own(value, name);
  return value as T;
}

/**
 * Return the profile's target after a transform of what stands at `path` of the snapshot.
 *
 * `path` is the manifest's `policy_target`. Throws `WriteBackError` when the transform changed anything beside
 * the profile's target, or what the host cannot change there.
 */
export function putBack(point: Point, snapshot: JsonObject, path: string, transformed: Json): Json {
  const before = targetOf<Json>(point, snapshot);
  let after = transformed;
  const names = namesOf(path);
  if (names.join(".") !== TARGETS[point].join(".")) {
    const whole = replaced(snapshot, names, transformed) as JsonObject;
    const rest = replaced(whole, TARGETS[point], null);
    if (!isSame(rest, replaced(snapshot, TARGETS[point], null))) {
      throw new WriteBackError("the transform changes what the host cannot change");
    }
    after = targetOf<Json>(point, whole);
  }
  CHECKS[point](before, after);
  return after;
}

function namesOf(path: string): string[] {
  const [root, ...names] = path.split(".");
  if ((root !== "$snap" && root !== "$") || !names.every((name) => /^[\p{L}\p{N}_]+$/u.test(name))) {
    throw new WriteBackError(`the manifest's policy target \`${path.slice(0, 80)}\` is not a path of plain names`);
  }
  return names;
}

function replaced(value: Json, names: readonly string[], by: Json): Json {
  const [first, ...rest] = names;
  if (first === undefined) return by;
  if (!isObject(value) || !Object.hasOwn(value, first)) throw new WriteBackError(`the transform leaves no \`${first}\``);
  return { ...value, [first]: replaced(value[first] as Json, rest, by) };
}

const CHECKS: { readonly [point in Point]: (before: Json, after: Json) => void } = {
  agent_startup: nothing,
  input: anything,
  pre_model_call: messages,
  post_model_call: response,
  pre_tool_call: callArguments,
  post_tool_call: anything,
  output: anything,
  agent_shutdown: nothing,
};

/** Texts alone may change. */
function messages(before: Json, after: Json): void {
  if (!Array.isArray(before) || !Array.isArray(after) || after.length !== before.length) {
    throw new WriteBackError("the transform changes the number of messages");
  }
  before.forEach((old, index) => message(old, after[index] as Json));
}

function message(before: Json, after: Json): void {
  if (!isObject(before) || !isObject(after) || !haveSameNames(before, after)) {
    throw new WriteBackError("the transform changes the members of a message");
  }
  for (const [name, old] of Object.entries(before)) {
    const same = name === "content" ? isSameShape(old, after[name] as Json) : isSame(old, after[name]);
    if (!same) throw new WriteBackError(`the transform changes \`${name}\` of a message beyond its texts`);
  }
}

/** True if `after` is `before` with other texts in it. */
export function isSameShape(before: Json, after: Json): boolean {
  if (typeof before === "string") return typeof after === "string";
  if (Array.isArray(before)) {
    if (!Array.isArray(after) || before.length !== after.length) return false;
    return before.every((item, index) => isSameShape(item, after[index] as Json));
  }
  if (isObject(before) && ["text", null, undefined].includes(own(before, "type") as string | null)) {
    if (!isObject(after) || !haveSameNames(before, after)) return false;
    return Object.entries(before).every(([name, item]) =>
      name === "type" ? isSame(item, after[name]) : isSameShape(item, after[name] as Json),
    );
  }
  return isSame(before, after);
}

/** Content and arguments may change, and calls may be dropped. */
function response(before: Json, after: Json): void {
  if (!isObject(before) || !isObject(after) || !haveSameNames(before, after)) {
    throw new WriteBackError("the transform changes the members of the response");
  }
  const { content = null, tool_calls: calls = [], ...others } = before;
  for (const [name, old] of Object.entries(others)) {
    if (!isSame(old, after[name])) throw new WriteBackError(MORE_OF_THE_RESPONSE);
  }
  if (!isSameShape(content, after["content"] ?? null)) throw new WriteBackError(MORE_OF_THE_RESPONSE);
  const remaining = Array.isArray(calls) ? [...calls] : [];
  const left = after["tool_calls"];
  for (const call of Array.isArray(left) ? left : [null]) {
    let old = remaining.shift();
    while (old !== undefined && !isSameCall(old, call)) old = remaining.shift();
    if (old === undefined) {
      throw new WriteBackError("the transform changes the calls of the response beyond their arguments");
    }
  }
}

const MORE_OF_THE_RESPONSE = "the transform changes more of the response than content and calls";

function isSameCall(before: Json, after: Json): boolean {
  if (!isObject(before) || !isObject(after) || !isObject(after["args"] ?? null)) return false;
  return encode(withoutArguments(before)) === encode(withoutArguments(after));
}

function withoutArguments(call: JsonObject): JsonObject {
  const { args: _, args_text: __, ...others } = call;
  return others;
}

function callArguments(_: Json, after: Json): void {
  if (!isObject(after)) throw new WriteBackError("the transform makes arguments of a tool that are not an object");
}

function nothing(before: Json, after: Json): void {
  if (!isSame(before, after)) throw new WriteBackError("nothing can be changed at this point");
}

function anything(): void {}

function haveSameNames(a: JsonObject, b: JsonObject): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name));
}
