/** Content of messages as the profile has it, and back (sections 12.4 and 12.5). */

import { encode, isObject, isSame, parseJson, type Json, type JsonObject } from "../json.js";
import { notPutBack } from "./options.js";

/** A part of a framework's content: text that a transform may replace, or something that it may not. */
export type Part = { readonly text: string } | { readonly other: JsonObject };

/** Return content that is only text as one text, mixed content as the list of its parts. */
export function contentOf(parts: readonly Part[]): Json {
  const texts = parts.flatMap((part) => ("text" in part ? [part.text] : []));
  if (texts.length === parts.length) return texts.join("\n");
  return parts.map((part) => ("text" in part ? { type: "text", text: part.text } : part.other));
}

/**
 * Return the texts of the parts after a transform of `contentOf` them, `null` for a part without text.
 *
 * Joined text goes back as the last part, the others are emptied. Throws `Denied` for content of another form.
 */
export function textsOf(point: string, parts: readonly Part[], after: Json): (string | null)[] {
  const before = contentOf(parts);
  if (isSame(before, after)) return parts.map((part) => ("text" in part ? part.text : null));
  if (typeof before === "string" && typeof after === "string" && parts.length > 0) {
    return parts.map((_, index) => (index === parts.length - 1 ? after : ""));
  }
  if (!Array.isArray(after) || after.length !== parts.length) throw otherForm(point);
  return parts.map((part, index) => {
    const changed = after[index] as Json;
    if (!("text" in part)) {
      if (!isSame(part.other, changed)) throw otherForm(point);
      return null;
    }
    if (!isObject(changed) || typeof changed["text"] !== "string") throw otherForm(point);
    return changed["text"];
  });
}

/** Return a text after a transform; throw `Denied` for anything else. */
export function textOf(point: string, after: Json): string {
  if (typeof after !== "string") throw otherForm(point);
  return after;
}

function otherForm(point: string): Error {
  return notPutBack(point, "the transform leaves content of another form");
}

/** Return a tool call as the model wrote it: arguments that are not an object of JSON stand as their text. */
export function callOf(name: string, id: string | undefined, text: string): JsonObject {
  const call: JsonObject = { name, ...(id === undefined ? {} : { id }) };
  const args = objectOf(text);
  return args === null ? { ...call, args: {}, args_text: text } : { ...call, args };
}

function objectOf(text: string): JsonObject | null {
  const value = jsonOf(text || "{}");
  return isObject(value) ? value : null;
}

/** Return the JSON of a text, or `undefined` for a text that is none or that could be read in two ways. */
export function jsonOf(text: string): Json | undefined {
  try {
    return parseJson(new TextEncoder().encode(text));
  } catch {
    return undefined;
  }
}

/**
 * Return for each call of `before` the one that a transform has made of it, `null` where it was dropped.
 *
 * Throws `Denied` when calls were added, moved or renamed.
 */
export function matchCalls(before: readonly JsonObject[], after: Json): (JsonObject | null)[] {
  const left = Array.isArray(after) ? [...after] : [];
  const matched = before.map((call) => {
    const next = left[0] ?? null;
    if (!isObject(next) || next["id"] !== call["id"] || next["name"] !== call["name"]) return null;
    left.shift();
    return next;
  });
  if (left.length > 0) throw notPutBack("post_model_call", "the transform adds, moves or renames calls");
  return matched;
}

/** Return the arguments of a call as text: the model's own where nothing changed them. */
export function argumentsText(before: JsonObject, after: JsonObject, text: string): string {
  return isSame(before, after) ? text : encode(after["args"] as Json);
}
