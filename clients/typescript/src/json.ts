/** JSON as policies judge it (section 12.5): read strictly, and written as every client writes it. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

const MAX_DEPTH = 250;

/** A text is not JSON that can be held exactly; the message says why. */
export class JsonError extends Error {}

/** Numbers that are written with a decimal point though they are whole, by their names. */
export type Decimals = true | { readonly [name: string]: Decimals };

/** The member of `object` that is its own, and nothing that its prototype has. */
export function own(object: unknown, name: string): unknown {
  if (typeof object !== "object" || object === null || !Object.hasOwn(object, name)) return undefined;
  return (object as { [name: string]: unknown })[name];
}

/**
 * Return the options that are a caller's own, after a check of their names.
 *
 * What some other code has added to all objects is no option, and a name that is misspelt would be a setting that
 * is silently not made: a `Kind` is thrown.
 */
export function ownOptions<T extends object>(
  options: T,
  names: readonly string[],
  what: string,
  Kind: new (message: string) => Error,
): T {
  const copy = Object.assign(Object.create(null) as T, options);
  const unknown = Object.keys(copy).filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Kind(`unknown options of ${what}: ${unknown.sort().join(", ")}`);
  return copy;
}

/** True for an object of JSON, which is neither an array nor `null`. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Return the value of a JSON text in UTF-8.
 *
 * Raises `JsonError` for what two readers could understand differently: an object with two members of one
 * name, a member `__proto__`, an integer beyond 2^53, a number that is not finite.
 */
export function parseJson(content: Uint8Array): Json {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new JsonError("it is not UTF-8");
  }
  return new Reader(text).read();
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Json {
    const value = this.#value(0);
    this.#skip();
    if (this.#at !== this.#text.length) throw new JsonError("something follows the value");
    return value;
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new JsonError(`it is nested more than ${MAX_DEPTH} deep`);
    this.#skip();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = {};
    this.#at++;
    if (this.#accept("}")) return object;
    do {
      this.#skip();
      const name = this.#string();
      if (name === "__proto__") throw new JsonError("it has a member `__proto__`");
      if (Object.hasOwn(object, name)) throw new JsonError("it has two members of one name");
      this.#expect(":");
      object[name] = this.#value(depth + 1);
    } while (this.#accept(","));
    this.#expect("}");
    return object;
  }

  #array(depth: number): Json[] {
    const array: Json[] = [];
    this.#at++;
    if (this.#accept("]")) return array;
    do array.push(this.#value(depth + 1));
    while (this.#accept(","));
    this.#expect("]");
    return array;
  }

  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw new JsonError("it is not JSON");
    let end = start;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) throw new JsonError("it is not JSON");
    } while (this.#isEscaped(end));
    this.#at = end + 1;
    const text = this.#text.slice(start, this.#at);
    if (!text.includes("\\") && !CONTROL.test(text)) return text.slice(1, -1);
    try {
      return JSON.parse(text) as string;
    } catch {
      throw new JsonError("it is not JSON");
    }
  }

  #isEscaped(at: number): boolean {
    let first = at;
    while (this.#text[first - 1] === "\\") first--;
    return (at - first) % 2 === 1;
  }

  #scalar(): Json {
    SCALAR.lastIndex = this.#at;
    const match = SCALAR.exec(this.#text);
    if (match === null) throw new JsonError("it is not JSON");
    this.#at = SCALAR.lastIndex;
    switch (match[0]) {
      case "true":
        return true;
      case "false":
        return false;
      case "null":
        return null;
      default:
        return exact(match[0], match[1] === undefined && match[2] === undefined);
    }
  }

  #skip(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #accept(character: string): boolean {
    this.#skip();
    const found = this.#text[this.#at] === character;
    if (found) this.#at++;
    return found;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw new JsonError("it is not JSON");
  }
}

const CONTROL = /[\u0000-\u001f]/;

function exact(text: string, isInteger: boolean): number {
  const number = Number(text);
  if (!Number.isFinite(number)) throw new JsonError("it has a number that is not finite");
  if (isInteger && !Number.isSafeInteger(number)) throw new JsonError("it has an integer beyond 2^53");
  return number;
}

/**
 * Return JSON as compact text with the names of every object in the order of their code points.
 *
 * Numbers are written as Python writes them, so that the bytes are the same from every client; those that
 * `decimals` names have a decimal point. Raises `JsonError` for a text that is not valid Unicode.
 */
export function encode(value: Json, decimals?: Decimals): string {
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new JsonError("a text is not valid Unicode");
    return JSON.stringify(value);
  }
  if (typeof value === "number") return encodeNumber(value, decimals === true);
  if (typeof value === "boolean" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => encode(item, decimals)).join(",")}]`;
  const members = Object.keys(value)
    .sort(byCodePoints)
    .map((name) => `${encode(name)}:${encode(value[name] as Json, below(decimals, name))}`);
  return `{${members.join(",")}}`;
}

/** True if the two values are the same JSON, `-0` and `0` apart. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return encode(a) === encode(b);
}

function below(decimals: Decimals | undefined, name: string): Decimals | undefined {
  return typeof decimals === "object" && Object.hasOwn(decimals, name) ? decimals[name] : undefined;
}

function encodeNumber(value: number, isDecimal: boolean): string {
  if (Object.is(value, -0)) return "-0.0";
  if (Number.isInteger(value)) return isDecimal ? `${value}.0` : `${value}`;
  if (Math.abs(value) >= 1e-4) return `${value}`;
  const [digits, exponent] = value.toExponential().split("e-") as [string, string];
  return `${digits}e-${exponent.padStart(2, "0")}`;
}

/** Compare two texts as UTF-8 and Python do; `<` compares halves of surrogate pairs. */
function byCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x !== y) return aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

function aboveSurrogates(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
}
