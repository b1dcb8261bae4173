/** Values of an agent as JSON (section 12.5): what has no faithful JSON form is refused, never described. */

import { sha256 } from "#platform";
import { encode, type Json, type JsonObject } from "./json.js";

const MAX_DEPTH = 200;
const MAX_VALUES = 1_000_000;
const MAX_SHOWN = 200;

/** A value cannot be sent; the message names where it stands and why. */
export class SnapshotError extends Error {}

/** A value as JSON, and a copy of it in its own types: both are what it was in one moment. */
export interface Taken {
  readonly json: Json;
  readonly copy: unknown;
}

/**
 * Return `value` as JSON, copied, so that nothing that happens to it later changes what was judged.
 *
 * Members that are `undefined` are left out. Raises `SnapshotError` for what is not JSON: NaN, integers beyond
 * 2^53, bigints, functions, instances of classes, nesting past 200, a member `__proto__`.
 */
export function toJson(value: unknown): Json {
  return take(value).json;
}

/** Return an object as JSON; raise `SnapshotError` for what is none. */
export function toObject(value: unknown): JsonObject {
  const json = toJson(value);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new SnapshotError("$ is not an object");
  return json;
}

/** Return `value` as JSON and as a copy, every member of it read once. */
export function take(value: unknown): Taken {
  const reader = new ValueReader();
  try {
    return reader.take(value, 0);
  } catch (error) {
    const where = `$${reader.steps.join("")}`;
    const shown = where.length <= MAX_SHOWN ? where : `${where.slice(0, MAX_SHOWN).toWellFormed()}…`;
    const why = error instanceof NotJsonError ? error.message : "cannot be read";
    throw new SnapshotError(`${shown} ${why}`);
  }
}

class NotJsonError extends Error {}

class ValueReader {
  readonly steps: string[] = [];
  #left = MAX_VALUES;

  take(value: unknown, depth: number): Taken {
    if (--this.#left < 0) throw new NotJsonError(`is past ${MAX_VALUES} values`);
    switch (typeof value) {
      case "boolean":
        return { json: value, copy: value };
      case "string":
        if (!value.isWellFormed()) throw new NotJsonError("is a text that is not valid Unicode");
        return { json: value, copy: value };
      case "number":
        if (!Number.isFinite(value)) throw new NotJsonError("is not a finite number");
        if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
          throw new NotJsonError("is an integer beyond 2^53");
        }
        return { json: value, copy: value };
      case "object":
        if (value === null) return { json: null, copy: null };
        if (depth > MAX_DEPTH) throw new NotJsonError(`is nested more than ${MAX_DEPTH} deep`);
        return this.#object(value, depth);
      default:
        throw new NotJsonError(`is a ${typeof value}, which is not JSON`);
    }
  }

  #object(value: object, depth: number): Taken {
    if (Array.isArray(value)) return this.#items(elements(value), depth, (items) => items);
    if (isPlain(value)) return this.#members(Object.keys(value), value, depth);
    if (value instanceof Date) return date(value);
    if (value instanceof Set) {
      const taken = this.#items(Set.prototype.values.call(value), depth, (items) => new Set(items));
      return { json: (taken.json as Json[]).sort(byText), copy: taken.copy };
    }
    if (value instanceof Map) return this.#map(value, depth);
    if (value instanceof ArrayBuffer) return media(new Uint8Array(value), (bytes) => bytes.buffer);
    if (ArrayBuffer.isView(value)) {
      return media(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), (bytes) => bytes);
    }
    throw new NotJsonError(`is a ${className(value)}, which is not JSON`);
  }

  #items(values: Iterable<unknown>, depth: number, wrap: (items: unknown[]) => unknown): Taken {
    const json: Json[] = [];
    const copy: unknown[] = [];
    for (const value of values) {
      const taken = this.#at(`[${json.length}]`, value, depth);
      json.push(taken.json);
      copy.push(taken.copy);
    }
    return { json, copy: wrap(copy) };
  }

  #members(names: string[], value: object, depth: number): Taken {
    const json: JsonObject = {};
    const copy: { [name: string]: unknown } = {};
    for (const name of names) {
      const member = (value as { [name: string]: unknown })[name];
      if (member === undefined) continue;
      checkName(name);
      const taken = this.#at(`.${name}`, member, depth);
      json[name] = taken.json;
      copy[name] = taken.copy;
    }
    return { json, copy };
  }

  #map(value: Map<unknown, unknown>, depth: number): Taken {
    const json: JsonObject = {};
    const copy = new Map<unknown, unknown>();
    for (const [name, member] of Map.prototype.entries.call(value) as Iterable<[unknown, unknown]>) {
      if (typeof name !== "string") throw new NotJsonError("has a name that is not text");
      checkName(name);
      const taken = this.#at(`.${name}`, member, depth);
      json[name] = taken.json;
      copy.set(name, taken.copy);
    }
    return { json, copy };
  }

  #at(step: string, value: unknown, depth: number): Taken {
    this.steps.push(step);
    const taken = this.take(value, depth + 1);
    this.steps.pop();
    return taken;
  }
}

function* elements(array: readonly unknown[]): Iterable<unknown> {
  for (let index = 0; index < array.length; index++) yield array[index];
}

function checkName(name: string): void {
  if (name === "__proto__") throw new NotJsonError("has a member `__proto__`");
  if (!name.isWellFormed()) throw new NotJsonError("has a name that is not valid Unicode");
}

/** True for what `{}` and `JSON.parse` make, in any realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "hasOwnProperty");
}

function date(value: Date): Taken {
  const time = Date.prototype.getTime.call(value);
  if (Number.isNaN(time)) throw new NotJsonError("is a date that is none");
  const copy = new Date(time);
  return { json: copy.toISOString(), copy };
}

function media(shared: Uint8Array, wrap: (bytes: Uint8Array) => unknown): Taken {
  const bytes = new Uint8Array(shared);
  return { json: mediaOf(bytes, "application/octet-stream"), copy: wrap(bytes) };
}

/** Return what is sent of bytes, which policies know by their type, size and digest. */
export function mediaOf(bytes: Uint8Array, mediaType: string): JsonObject {
  return { type: "media", media_type: mediaType, bytes: bytes.length, sha256: sha256(bytes) };
}

function className(value: object): string {
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name ? constructor.name : "object";
}

function byText(a: Json, b: Json): number {
  const [x, y] = [encode(a), encode(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
