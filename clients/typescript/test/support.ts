/** What the tests share: the service and the canned server that started them, and the shared vectors. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Blocked, type Json, type JsonObject } from "acs-sidecar-client";

/** Return a setting that the runner of the tests must have made. */
export function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run these tests by pytest`);
  return value;
}

export const ROOT = setting("ACS_ROOT");
export const SERVICE = setting("SERVICE_URL");
export const VECTORS = JSON.parse(readFileSync(`${ROOT}/tests/clients/vectors.json`, "utf8"));

/** An answer: a bad one by name, silence, raw bytes, or a body with its status. */
export type Answer = string | null | { body: unknown; status?: number; headers?: { [name: string]: string } };

interface Hello {
  url: string;
  bad: { [name: string]: { cause: string; status: number | null } };
}

interface Seen {
  requests: string[];
  connections: number;
}

/** The canned server of the Python tests, in a process of its own. */
export class Canned {
  readonly url: string;
  readonly bad: Hello["bad"];
  readonly end: () => void;
  readonly #write: (line: string) => void;
  readonly #lines: AsyncIterator<string>;

  private constructor(hello: Hello, lines: AsyncIterator<string>, write: (line: string) => void, end: () => void) {
    this.url = hello.url;
    this.bad = hello.bad;
    this.end = end;
    this.#write = write;
    this.#lines = lines;
  }

  static async start(): Promise<Canned> {
    const [command, ...rest] = JSON.parse(setting("CANNED")) as [string, ...string[]];
    const child = spawn(command, rest, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const hello = JSON.parse((await lines.next()).value as string);
    return new Canned(hello, lines, (line) => child.stdin.write(line), () => child.stdin.end());
  }

  /** Answer with these in turn, with the last one for ever. */
  async answer(...answers: Answer[]): Promise<void> {
    await this.#ask({ answers });
  }

  /** Close every connection. */
  async hangUp(): Promise<void> {
    await this.#ask({ hang_up: true });
  }

  /** Return what came since the answers were set. */
  async seen(): Promise<Seen> {
    return this.#ask({});
  }

  async #ask(command: object): Promise<Seen> {
    this.#write(`${JSON.stringify(command)}\n`);
    return JSON.parse((await this.#lines.next()).value as string);
  }
}

/** Return what a person signs for a ticket. */
export function signed(ticket: JsonObject, outcome = "allow"): string {
  const [command, ...rest] = JSON.parse(setting("SIGNER")) as [string, ...string[]];
  const input = JSON.stringify(ticket["approval"]);
  return execFileSync(command, [...rest, outcome], { cwd: ROOT, input, encoding: "utf8" }).trim();
}

/** Return what `action` is blocked with. */
export async function blockOf(action: () => unknown): Promise<Blocked> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Blocked) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: "it was not blocked" });
}

export const ALLOW: { [name: string]: Json } = {
  verdict: { decision: "allow" },
  intervention_point: "input",
  mode: "enforce",
};
