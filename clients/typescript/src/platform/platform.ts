/** What differs between Node and other runtimes. */

import type { Endpoint } from "./endpoint.js";
import type { Transport } from "../exchange.js";

/** The files and texts that a connection is secured with: texts in PEM, or the paths of files. */
export interface TlsOptions {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** Values that follow the asynchronous calls of a task. */
export interface TaskLocal<T> {
  getStore(): T | undefined;
  run<R>(value: T, inside: () => R): R;
}

/** The text of a small file, read again when the file changes. */
export interface FileText {
  read(): string;
}

/** The current span of OpenTelemetry, where its API is installed. */
export interface SpanIds {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

export interface Platform {
  environment(): { readonly [name: string]: string | undefined };
  absolute(path: string): string;
  fileText(path: string): FileText;
  transport(endpoint: Endpoint, tls: TlsOptions, pool: number): Transport;
  taskLocal<T>(): TaskLocal<T>;
  sha256(bytes: Uint8Array): string;
  currentSpan(): SpanIds | null;
  atExit(action: () => Promise<void>): void;
}
