/** The client (section 12.2): evaluates, resolves and reads; it never decides and never caches a verdict. */

import { absolute, environment, fileText, transport } from "#platform";
import { Call, type CallOptions, type Manifest } from "./calls.js";
import type { Decision } from "./decision.js";
import { parseEndpoint, unixUrl, urlOf, type Endpoint, type Environment } from "./platform/endpoint.js";
import { ConfigurationError, denied } from "./errors.js";
import { Deadline, exchange, ExchangeError, type HttpResponse, type Transport } from "./exchange.js";
import { isObject, own, ownOptions, type Json, type JsonObject } from "./json.js";
import { FetchTransport } from "./platform/fetch.js";
import type { FileText, TlsOptions } from "./platform/platform.js";
import { isPoint } from "./profile.js";
import { Session, type SessionOptions } from "./session.js";
import { currentTrace } from "./tracing.js";

const OK = 200;
const FORBIDDEN = 403;
const MAX_TIMEOUT_MS = 3_600_000;

export interface ClientOptions extends TlsOptions {
  /** `http://…`, `https://…` or `unix:///path`. */
  readonly url?: string | undefined;
  /** The path of a Unix socket. */
  readonly socketPath?: string | undefined;
  readonly token?: string | undefined;
  /** A file with the token, read again when it changes. */
  readonly tokenFile?: string | undefined;
  /** What calls are evaluated against unless they name another: the service's default without it. */
  readonly manifest?: Manifest | undefined;
  /** Bounds a whole call, retries included. */
  readonly timeoutMs?: number | undefined;
  /** The most connections at once. */
  readonly pool?: number | undefined;
  /** Sends the requests where there is no Node. */
  readonly fetch?: typeof fetch | undefined;
}

/** One request of a batch. */
export interface BatchItem extends CallOptions {
  readonly point: string;
  readonly snapshot: unknown;
}

/**
 * A connection to the service; `close` it at the end.
 *
 * What is not given comes from the environment (`ACSCLIENT_URL`, `_TOKEN_FILE`, `_CA_FILE`, `_CERT_FILE`,
 * `_KEY_FILE`, `_MANIFEST`, `_TIMEOUT_S`, then the service's `ACS_UDS`, `ACS_HOST` and `ACS_PORT`).
 * Throws `ConfigurationError` for what cannot be used, a token over an unprotected network included.
 */
export class Client {
  readonly manifest: Manifest | undefined;
  readonly timeoutMs: number;
  readonly #token: string | FileText | null;
  readonly #transport: Transport;

  constructor(given: ClientOptions = {}) {
    const env = environment();
    const options = ownOptions(given, NAMES, "a client", ConfigurationError);
    if (options.url !== undefined && options.socketPath !== undefined) {
      throw new ConfigurationError("`url` and `socketPath` are both set: set one");
    }
    const path = options.socketPath;
    const url = path === undefined ? (options.url ?? urlOf(env)) : unixUrl(absolute(path));
    const endpoint = parseEndpoint(url);
    this.manifest = options.manifest ?? (env["ACSCLIENT_MANIFEST"] || undefined);
    this.timeoutMs = timeoutOf(options.timeoutMs, env);
    this.#token = tokenOf(endpoint, options.token, options.tokenFile ?? (env["ACSCLIENT_TOKEN_FILE"] || undefined));
    const pool = options.pool ?? 16;
    if (!Number.isInteger(pool) || pool < 1) throw new ConfigurationError("`pool` is not a whole number from 1 on");
    this.#transport = options.fetch
      ? new FetchTransport(endpoint, options.fetch)
      : transport(endpoint, tlsOf(options, env), pool);
  }

  /** Close the connections. */
  close(): void {
    this.#transport.close();
  }

  /** Return a session of `agent`, or of `ACSCLIENT_AGENT`. */
  session(agent?: string, options: SessionOptions = {}): Session {
    return new Session(this, agent || environment()["ACSCLIENT_AGENT"], options);
  }

  /** Return the session that `Session.export` wrote, perhaps in another process. */
  restore(exported: JsonObject, options: SessionOptions = {}): Session {
    return Session.restored(this, exported, options);
  }

  /**
   * Return the verdict on `snapshot` at the intervention point, whatever it is.
   *
   * Rejects with `Denied` when the service refuses the call (403) or `snapshot` is not JSON, and with
   * `Unavailable` when no verdict can be had.
   */
  async evaluate(point: string, snapshot: unknown, options: CallOptions = {}): Promise<Decision> {
    const call = new Call(point, options);
    return this.evaluateJson(call, call.object(snapshot));
  }

  /** Evaluate a snapshot that `toJson` gave. */
  async evaluateJson(call: Call, snapshot: JsonObject): Promise<Decision> {
    const path = isPoint(call.point) ? `/v1/evaluate/${call.point}` : "/v1/evaluate";
    return call.decision(await this.#post(call, path, call.members(snapshot, this.manifest)));
  }

  /**
   * Return the verdicts on several requests, in order.
   *
   * An item that the service refuses gives a deny; what rejects concerns all of them.
   */
  async evaluateBatch(requests: readonly BatchItem[]): Promise<Decision[]> {
    const calls = requests.map(({ point, snapshot: _, ...options }) => new Call(point, options));
    const bodies = calls.map((call, index) => call.members(call.object(requests[index]?.snapshot), this.manifest));
    const whole = new Call("input");
    const response = await this.#post(whole, "/v1/evaluate:batch", { requests: bodies });
    const body = whole.json(response);
    const results = response.status === OK ? own(body, "results") : undefined;
    if (!Array.isArray(results) || results.length !== calls.length) throw whole.withoutVerdict(response, body);
    return calls.map((call, index) => {
      const result: unknown = results[index];
      return own(result, "status") === undefined ? call.read(result) : call.refusal(result);
    });
  }

  /**
   * Return the verdict on an escalated action with its approval, or the host's `deny` or `suspend`.
   *
   * `ticket` is that of `Escalated`. Rejects as `evaluate` does; a session checks the ticket before it asks.
   */
  async resolve(ticket: JsonObject, approval?: string | null, outcome?: string | null): Promise<Decision> {
    const { point, request_id: requestId, manifest } = ticket;
    const challenge = own(ticket["approval"], "challenge");
    if (typeof point !== "string" || typeof requestId !== "string" || typeof challenge !== "string") {
      const message = "the ticket is not of this action: it has no challenge or no request id";
      throw denied(String(point), "approval_action_mismatch", "ticket", message);
    }
    const call = new Call(point, { requestId, manifest: (manifest as Manifest | null) ?? undefined });
    const body = call.members(ticket["snapshot"] ?? null, this.manifest);
    body["challenge"] = challenge;
    if (approval != null) body["approval"] = approval;
    if (outcome != null) body["outcome"] = outcome;
    return call.decision(await this.#post(call, "/v1/approvals:resolve", body));
  }

  /**
   * Return the intervention points that a loaded manifest binds; needs the scope `manifests:read`.
   *
   * Rejects with `Unavailable` when that cannot be learnt.
   */
  async points(manifest?: string): Promise<ReadonlySet<string>> {
    return new Set((await this.listed(manifest))["points"] as string[]);
  }

  /**
   * Return what the service lists of a loaded manifest: of `manifest`, the client's, or the default.
   *
   * Rejects with `Unavailable` when it is not loaded, not valid, or not to be seen.
   */
  async listed(manifest: Manifest | undefined = this.manifest): Promise<JsonObject> {
    const found = own(await this.get("/v1/manifests"), "manifests");
    const entries: unknown[] = Array.isArray(found) ? found : [];
    for (const entry of entries) {
      if (!isEntry(entry)) continue;
      const isDefault = own(entry, "default") === true || entries.length === 1;
      const names = [own(entry, "name"), own(entry, "digest")];
      if (manifest === undefined ? isDefault : names.includes(manifest)) return entry;
    }
    const what = typeof manifest === "string" ? `valid manifest \`${manifest}\`` : "default manifest: name one";
    throw new Call("agent_startup").unavailable("protocol", `the service lists no ${what}`);
  }

  /** Return the JSON that the service gives at `path`; reject with `Unavailable` when it gives none. */
  async get(path: string): Promise<Json> {
    const call = new Call("agent_startup");
    const response = await this.#send(call, "GET", path, null);
    if (response.status !== OK) {
      const hint = response.status === FORBIDDEN ? ": it needs the scope `manifests:read`" : "";
      const message = `\`GET ${path}\` has status ${response.status}${hint}`;
      throw call.unavailable("status", message, response.status);
    }
    return call.json(response) ?? null;
  }

  #post(call: Call, path: string, body: JsonObject): Promise<HttpResponse> {
    return this.#send(call, "POST", path, call.encoded(body));
  }

  async #send(call: Call, method: "GET" | "POST", path: string, body: string | null): Promise<HttpResponse> {
    const deadline = new Deadline(this.timeoutMs);
    const headers = this.#headers(call, body !== null);
    try {
      return await exchange(this.#transport, { method, path, headers, body, deadline });
    } catch (error) {
      if (error instanceof ExchangeError) throw call.unavailable(error.cause, error.message);
      throw error;
    }
  }

  #headers(call: Call, hasBody: boolean): { [name: string]: string } {
    const headers: { [name: string]: string } = { accept: "application/json" };
    if (hasBody) headers["content-type"] = "application/json";
    if (this.#token !== null) headers["authorization"] = `Bearer ${this.#tokenText(call, this.#token)}`;
    const current = currentTrace();
    if (current !== null) {
      headers["traceparent"] = current.traceparent;
      const state = current.tracestate;
      if (state && isToken(state.replaceAll(" ", ""))) headers["tracestate"] = state;
    }
    return headers;
  }

  #tokenText(call: Call, token: string | FileText): string {
    if (typeof token === "string") return token;
    let text = "";
    try {
      text = token.read();
    } catch {
      throw call.unavailable("unreachable", "the token file cannot be read");
    }
    if (!isToken(text)) throw call.unavailable("unreachable", "the token file holds no token");
    return text;
  }
}

const NAMES =
  "url socketPath token tokenFile ca cert key caFile certFile keyFile manifest timeoutMs pool fetch".split(" ");

function tlsOf(options: ClientOptions, env: Environment): TlsOptions {
  const { ca, cert, key, caFile, certFile, keyFile } = options;
  return {
    ca,
    cert,
    key,
    caFile: caFile ?? (ca === undefined ? env["ACSCLIENT_CA_FILE"] || undefined : undefined),
    certFile: certFile ?? (cert === undefined ? env["ACSCLIENT_CERT_FILE"] || undefined : undefined),
    keyFile: keyFile ?? (key === undefined ? env["ACSCLIENT_KEY_FILE"] || undefined : undefined),
  };
}

function tokenOf(endpoint: Endpoint, token: string | undefined, path: string | undefined): string | FileText | null {
  if (token !== undefined && path !== undefined) {
    throw new ConfigurationError("`token` and `tokenFile` are both set: set one");
  }
  if (token === undefined && path === undefined) return null;
  if (!endpoint.isTls && !endpoint.isLocal) {
    throw new ConfigurationError("a token is sent to loopback, a Unix socket or https, and to nothing else");
  }
  if (token !== undefined) {
    if (!isToken(token)) {
      throw new ConfigurationError("the token is empty or has characters that a header cannot hold");
    }
    return token;
  }
  const file = fileText(path ?? "");
  let text = "";
  try {
    text = file.read();
  } catch (error) {
    throw new ConfigurationError(`the token file cannot be read: ${(error as Error).message}`);
  }
  if (!isToken(text)) {
    throw new ConfigurationError("the token file is empty or has characters that a header cannot hold");
  }
  return file;
}

function timeoutOf(timeoutMs: number | undefined, env: Environment): number {
  const text = env["ACSCLIENT_TIMEOUT_S"];
  if (timeoutMs === undefined && text && !/^[0-9]+(\.[0-9]+)?$/.test(text)) {
    throw new ConfigurationError(`\`ACSCLIENT_TIMEOUT_S\` is \`${text}\`: set it to a number of seconds`);
  }
  const found = timeoutMs ?? (text ? Number(text) * 1000 : 5000);
  if (!(found > 0 && found <= MAX_TIMEOUT_MS)) {
    throw new ConfigurationError("the timeout is not between 0 and 3600 seconds");
  }
  return found;
}

/** True for a valid manifest in the list: it has a name, and binds something. */
function isEntry(entry: unknown): entry is JsonObject {
  const points = own(entry, "points");
  return isObject(entry) && typeof own(entry, "name") === "string" && isTexts(points) && points.length > 0;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isToken(text: string): boolean {
  return /^[!-~]+$/.test(text);
}
