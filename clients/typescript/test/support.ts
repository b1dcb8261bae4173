/** What the tests share: the service and the canned server that started them, and the shared vectors. */

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { Blocked, Client, type Json, type JsonObject, type Point } from "acs-sidecar-client";

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

/** A way to the service that can be cut. */
export async function cuttable(): Promise<{ url: string; cut: () => void }> {
  const { hostname, port } = new URL(SERVICE);
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    const onward = connect(Number(port), hostname);
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on("error", () => undefined);
    }
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, cut };
}

/** The points that an agent passes while it runs. */
export const RUN: readonly Point[] = [
  "input",
  "pre_model_call",
  "post_model_call",
  "pre_tool_call",
  "post_tool_call",
  "output",
];

/** A client of a service that permits everything, and the snapshots that it was sent. */
export function allowing(): { permissive: Client; snapshots: JsonObject[] } {
  const snapshots: JsonObject[] = [];
  const permit = async (_: unknown, request?: RequestInit): Promise<Response> => {
    const { snapshot, intervention_point } = JSON.parse(String(request?.body));
    snapshots.push(snapshot);
    return Response.json({ intervention_point, verdict: { decision: "allow" } });
  };
  return { permissive: new Client({ url: "http://127.0.0.1:9", fetch: permit as typeof fetch }), snapshots };
}
