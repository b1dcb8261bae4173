/** Where the service is (section 12.2): a Unix socket, or TCP with or without TLS. */

import { ConfigurationError } from "../errors.js";

export type Environment = { readonly [name: string]: string | undefined };

/** An address of the service: `socketPath`, or `host` and `port`. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | null;
  readonly isTls: boolean;
  /** True for a Unix socket and for loopback. */
  readonly isLocal: boolean;
  /** The value of the header `Host`. */
  readonly authority: string;
}

/** Read `http://host:port`, `https://host:port` or `unix:///path`; raise `ConfigurationError` for anything else. */
export function parseEndpoint(url: string): Endpoint {
  if (url.startsWith("unix:")) return unixEndpoint(url);
  const forms = "`http://host:port`, `https://host:port` or `unix:///path`";
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    throw new ConfigurationError(`\`${url}\` is not ${forms}`);
  }
  if (parts.username || parts.password || parts.search || parts.hash) {
    throw new ConfigurationError("the URL of the service has no user, query or fragment");
  }
  const isTls = parts.protocol === "https:";
  if (!(isTls || parts.protocol === "http:") || parts.pathname !== "/") {
    throw new ConfigurationError(`\`${url}\` is not ${forms}`);
  }
  const port = Number(parts.port || (isTls ? 443 : 80));
  return {
    host: parts.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    socketPath: null,
    isTls,
    isLocal: isLoopback(parts.hostname),
    authority: `${parts.hostname}:${port}`,
  };
}

/** Return the URL of a Unix socket. */
export function unixUrl(path: string): string {
  return `unix://${path}`;
}

/** Return the URL of the service: `ACSCLIENT_URL`, else what the settings of the service say. */
export function urlOf(environment: Environment): string {
  if (environment["ACSCLIENT_URL"]) return environment["ACSCLIENT_URL"];
  if (environment["ACS_UDS"]) return unixUrl(environment["ACS_UDS"]);
  const named = environment["ACS_HOST"] || "127.0.0.1";
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[named] ?? named;
  return `http://${host.includes(":") ? `[${host}]` : host}:${environment["ACS_PORT"] || 8383}`;
}

function unixEndpoint(url: string): Endpoint {
  const path = url.startsWith("unix://") ? url.slice("unix://".length) : "";
  if (!path.startsWith("/") || /[?#\0]/.test(path)) {
    throw new ConfigurationError(`\`${url}\` is not \`unix:///path/of/socket\``);
  }
  return { host: "localhost", port: 0, socketPath: path, isTls: false, isLocal: true, authority: "localhost" };
}

/** True for the addresses that `URL` writes in one form only. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.[0-9]+\.[0-9]+\.[0-9]+$/.test(hostname);
}
