/** The transport over `fetch`, for runtimes without Node's sockets. */

import type { Endpoint } from "./endpoint.js";
import { ConfigurationError } from "../errors.js";
import { ExchangeError, lateError, MAX_RESPONSE_BYTES } from "../exchange.js";
import type { HttpRequest, HttpResponse, Transport } from "../exchange.js";

/** Sends with `fetch`: no redirects, no cookies, no cache. */
export class FetchTransport implements Transport {
  readonly #origin: string;
  readonly #fetch: typeof fetch;

  constructor(endpoint: Endpoint, send: typeof fetch) {
    if (endpoint.socketPath !== null) throw new ConfigurationError("`fetch` reaches no Unix socket: use Node");
    this.#origin = `${endpoint.isTls ? "https" : "http"}://${endpoint.authority}`;
    this.#fetch = send;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const ended = new AbortController();
    const timer = setTimeout(() => ended.abort(), request.deadline.left());
    try {
      return await Promise.race([this.#answer(request, ended.signal), whenAborted(ended.signal)]);
    } catch (error) {
      if (ended.signal.aborted) throw lateError();
      if (error instanceof ExchangeError) throw error;
      throw new ExchangeError("unreachable", "the service cannot be reached");
    } finally {
      clearTimeout(timer);
      ended.abort();
    }
  }

  close(): void {}

  async #answer(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const send = this.#fetch;
    const response = await send(`${this.#origin}${request.path}`, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      redirect: "manual",
      credentials: "omit",
      cache: "no-store",
      signal,
    });
    return {
      status: response.status,
      body: await bytesOf(response),
      retryAfter: response.headers.get("retry-after"),
    };
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(lateError()), { once: true }));
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array();
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > MAX_RESPONSE_BYTES) throw new ExchangeError("protocol", "the answer is over 16 MiB");
      chunks.push(part.value);
    }
  } catch (error) {
    if (error instanceof ExchangeError) throw error;
    throw new ExchangeError("protocol", "the answer broke off");
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
