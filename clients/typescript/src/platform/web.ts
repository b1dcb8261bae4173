/** Runtimes without Node: `fetch` alone, no files, no environment, no current session. */

import type { Endpoint } from "./endpoint.js";
import { ConfigurationError } from "../errors.js";
import type { Transport } from "../exchange.js";
import { FetchTransport } from "./fetch.js";
import type { FileText, Platform, SpanIds, TaskLocal, TlsOptions } from "./platform.js";

export const environment: Platform["environment"] = () => ({});

export const absolute: Platform["absolute"] = (path) => path;

export const currentSpan = (): SpanIds | null => null;

export const atExit: Platform["atExit"] = () => undefined;

export function fileText(path: string): FileText {
  throw new ConfigurationError(`\`${path}\` cannot be read: files need Node`);
}

export function transport(endpoint: Endpoint, tls: TlsOptions, _pool: number): Transport {
  if (Object.values(tls).some((option) => option !== undefined)) {
    throw new ConfigurationError("TLS options need Node");
  }
  return new FetchTransport(endpoint, fetch);
}

export function taskLocal<T>(): TaskLocal<T> {
  return { getStore: () => undefined, run: (_, inside) => inside() };
}

export function sha256(_bytes: Uint8Array): string {
  throw new Error("the digest of bytes needs Node");
}
