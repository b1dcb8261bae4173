/**
 * One request and its response within a deadline (section 12.2).
 *
 * What is sent again, at most twice and with the same request id: what found no listener, what met a kept
 * connection that had been closed before any byte of an answer, and 429 and 503 whose `Retry-After` fits into
 * the time.
 */

import type { Cause } from "./errors.js";

export const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
const RETRIES = 2;
const BUSY: ReadonlySet<number> = new Set([429, 503]);

/** A request of the client. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string | null;
  readonly deadline: Deadline;
}

/** Status and body of a response. */
export interface HttpResponse {
  readonly status: number;
  readonly body: Uint8Array;
  readonly retryAfter: string | null;
}

/** Sends one request once; MUST settle within the deadline, and MUST reject with `ExchangeError`. */
export interface Transport {
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

/** No response was had. */
export class ExchangeError extends Error {
  override readonly cause: Extract<Cause, "unreachable" | "deadline" | "protocol">;
  /** True if the service cannot have seen the request. */
  readonly isUnseen: boolean;

  constructor(cause: ExchangeError["cause"], message: string, isUnseen = false) {
    super(message);
    this.cause = cause;
    this.isUnseen = isUnseen;
  }
}

/** The end of a call. */
export class Deadline {
  readonly #end: number;

  constructor(milliseconds: number) {
    this.#end = performance.now() + milliseconds;
  }

  /** Return the milliseconds left, none of them below zero. */
  left(): number {
    return Math.max(0, this.#end - performance.now());
  }
}

/** Return the error of a call whose time is over. */
export function lateError(): ExchangeError {
  return new ExchangeError("deadline", "the service did not answer in time");
}

/** Return the response to a request, perhaps of a second or third attempt; raise `ExchangeError`. */
export async function exchange(transport: Transport, request: HttpRequest): Promise<HttpResponse> {
  for (let retries = 0; ; retries++) {
    let pause = 50 + Math.random() * 150;
    try {
      const response = await transport.send(request);
      const wait = BUSY.has(response.status) ? milliseconds(response.retryAfter) : null;
      if (wait === null || retries === RETRIES || request.deadline.left() <= Math.max(wait, pause)) return response;
      pause = Math.max(wait, pause);
    } catch (error) {
      if (!(error instanceof ExchangeError) || !error.isUnseen) throw error;
      if (retries === RETRIES || request.deadline.left() <= pause) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Return the time of a header `Retry-After`; dates are not waited for. */
function milliseconds(retryAfter: string | null): number | null {
  return retryAfter !== null && /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1000 : null;
}
