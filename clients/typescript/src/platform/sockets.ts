/** The transport over `node:http` and `node:https`, with connections that are kept. */

import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import type { Endpoint } from "./endpoint.js";
import { ConfigurationError } from "../errors.js";
import { ExchangeError, lateError, MAX_RESPONSE_BYTES } from "../exchange.js";
import type { HttpRequest, HttpResponse, Transport } from "../exchange.js";
import { fileText } from "./files.js";
import type { TlsOptions } from "./platform.js";

const MAX_IDLE_MS = 30_000;
const LOCAL_CONNECT_MS = 500;

export function transport(endpoint: Endpoint, tls: TlsOptions, pool: number): Transport {
  return new SocketTransport(endpoint, tlsTexts(endpoint, tls), pool);
}

interface TlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Sends over at most `pool` connections at once. */
class SocketTransport implements Transport {
  readonly #endpoint: Endpoint;
  readonly #tls: () => TlsTexts;
  readonly #agent: http.Agent;

  constructor(endpoint: Endpoint, tls: () => TlsTexts, pool: number) {
    this.#endpoint = endpoint;
    this.#tls = tls;
    const kept = { keepAlive: true, maxSockets: pool, maxFreeSockets: pool, timeout: MAX_IDLE_MS };
    this.#agent = endpoint.isTls ? new TlsAgent(kept) : new PlainAgent(kept);
  }

  send(request: HttpRequest): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      new Attempt(this.#open(request), request, this.#endpoint.isLocal, resolve, reject);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(request: HttpRequest): http.ClientRequest {
    const { host, port, socketPath, authority, isTls } = this.#endpoint;
    const options: http.RequestOptions = {
      agent: this.#agent,
      method: request.method,
      path: request.path,
      headers: {
        host: authority,
        ...request.headers,
        ...(request.body === null ? {} : { "content-length": Buffer.byteLength(request.body) }),
      },
      ...(socketPath === null ? { host, port } : { socketPath }),
    };
    if (!isTls) return http.request(options);
    return https.request({ ...options, ...this.#texts(), rejectUnauthorized: true });
  }

  #texts(): TlsTexts {
    try {
      return this.#tls();
    } catch (error) {
      throw new ExchangeError("unreachable", `the TLS files cannot be used: ${codeOf(error)}`);
    }
  }
}

/** One request on one connection, which ends with the first thing that happens to it. */
class Attempt {
  readonly #outgoing: http.ClientRequest;
  readonly #isLocal: boolean;
  readonly #resolve: (response: HttpResponse) => void;
  readonly #reject: (error: ExchangeError) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #socket: Socket | null = null;
  #readBefore = 0;
  #isSettled = false;

  constructor(
    outgoing: http.ClientRequest,
    request: HttpRequest,
    isLocal: boolean,
    resolve: (response: HttpResponse) => void,
    reject: (error: ExchangeError) => void,
  ) {
    this.#outgoing = outgoing;
    this.#isLocal = isLocal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#endAfter(request.deadline.left());
    outgoing.on("socket", (socket) => this.#connecting(socket));
    outgoing.on("response", (response) => this.#receive(response));
    outgoing.on("error", (error) => this.#fail(this.#errorOf(error)));
    outgoing.on("close", () => this.#fail(this.#errorOf(null)));
    outgoing.end(request.body ?? undefined);
  }

  #endAfter(milliseconds: number): NodeJS.Timeout {
    const timer = setTimeout(() => this.#fail(lateError()), milliseconds);
    this.#timers.push(timer);
    return timer;
  }

  #connecting(socket: Socket): void {
    this.#socket = socket;
    this.#readBefore = socket.bytesRead;
    if (!socket.connecting || !this.#isLocal) return;
    const timer = this.#endAfter(LOCAL_CONNECT_MS);
    socket.once("connect", () => clearTimeout(timer));
  }

  #receive(response: IncomingMessage): void {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_RESPONSE_BYTES) this.#fail(new ExchangeError("protocol", "the answer is over 16 MiB"));
      else chunks.push(chunk);
    });
    const brokeOff = (): void => this.#fail(new ExchangeError("protocol", "the answer broke off"));
    response.on("error", brokeOff);
    response.on("close", brokeOff);
    response.on("end", () => {
      if (!response.complete) return brokeOff();
      if (!this.#settle()) return;
      this.#resolve({
        status: response.statusCode ?? 0,
        body: Buffer.concat(chunks),
        retryAfter: response.headers["retry-after"] ?? null,
      });
    });
  }

  #fail(error: ExchangeError): void {
    if (!this.#settle()) return;
    this.#reject(error);
    this.#outgoing.destroy();
  }

  /** True for the first thing that ends this attempt. */
  #settle(): boolean {
    const isFirst = !this.#isSettled;
    this.#isSettled = true;
    for (const timer of this.#timers) clearTimeout(timer);
    return isFirst;
  }

  #errorOf(error: Error | null): ExchangeError {
    const code = codeOf(error);
    if (code.startsWith("HPE_")) return new ExchangeError("protocol", `the answer is not HTTP: ${code}`);
    if (code === "ECONNREFUSED" || code === "ENOENT") {
      return new ExchangeError("unreachable", `the service cannot be reached: ${code}`, true);
    }
    if (this.#socket !== null && this.#socket.bytesRead > this.#readBefore) {
      return new ExchangeError("protocol", "the answer broke off");
    }
    if (this.#socket?.connecting === false && (code === "ECONNRESET" || code === "EPIPE")) {
      const message = "the service closed the connection without an answer";
      return new ExchangeError("unreachable", message, this.#outgoing.reusedSocket);
    }
    return new ExchangeError("unreachable", `the service cannot be reached: ${code}`);
  }
}

/** Closes a kept connection on which something comes that nobody asked for. */
const STRAY = Symbol("stray");

type Kept = Duplex & { [STRAY]?: () => void };

function watch(socket: Kept): void {
  const stray = (): void => void socket.destroy();
  socket[STRAY] = stray;
  socket.on("data", stray);
}

function unwatch(socket: Kept): void {
  if (socket[STRAY] !== undefined) socket.off("data", socket[STRAY]);
  delete socket[STRAY];
}

class PlainAgent extends http.Agent {
  override keepSocketAlive(socket: Duplex): boolean {
    watch(socket);
    return keeps(super.keepSocketAlive(socket));
  }

  override reuseSocket(socket: Duplex, request: http.ClientRequest): void {
    unwatch(socket);
    super.reuseSocket(socket, request);
  }
}

class TlsAgent extends https.Agent {
  override keepSocketAlive(socket: Duplex): boolean {
    watch(socket);
    return keeps(super.keepSocketAlive(socket));
  }

  override reuseSocket(socket: Duplex, request: http.ClientRequest): void {
    unwatch(socket);
    super.reuseSocket(socket, request);
  }
}

/** What Node's agent answers, which its types call nothing. */
function keeps(answer: unknown): boolean {
  return answer !== false;
}

/** Check the TLS options; return what gives their texts as they are now. */
function tlsTexts(endpoint: Endpoint, tls: TlsOptions): () => TlsTexts {
  if (!endpoint.isTls) {
    if (Object.values(tls).some((option) => option !== undefined)) {
      throw new ConfigurationError("TLS options are set but the URL is not https");
    }
    return () => ({});
  }
  const read = {
    ca: reader("ca", tls.ca, tls.caFile),
    cert: reader("cert", tls.cert, tls.certFile),
    key: reader("key", tls.key, tls.keyFile),
  };
  if (read.key && !read.cert) throw new ConfigurationError("`key` is set without `cert`");
  const texts = (): TlsTexts => ({
    ...(read.ca && { ca: read.ca() }),
    ...(read.cert && { cert: read.cert(), key: (read.key ?? read.cert)() }),
  });
  try {
    createSecureContext(texts());
  } catch (error) {
    throw new ConfigurationError(`the TLS files cannot be used: ${(error as Error).message}`);
  }
  return texts;
}

function reader(name: string, text: string | undefined, path: string | undefined): (() => string) | null {
  if (text !== undefined && path !== undefined) {
    throw new ConfigurationError(`\`${name}\` and \`${name}File\` are both set: set one`);
  }
  if (path !== undefined) {
    const file = fileText(path);
    return () => file.read();
  }
  return text === undefined ? null : () => text;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "the connection ended";
}
