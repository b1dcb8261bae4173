/**
 * Client of acs-sidecar: evaluate, obey, and keep what the stateless service needs to know (section 12).
 *
 * @module
 */

export type { Call, CallOptions, Manifest } from "./calls.js";
export { Client, type BatchItem, type ClientOptions } from "./client.js";
export type { Clock } from "./clock.js";
export type { Budgets } from "./counts.js";
export type { Decision, Mode } from "./decision.js";
export type { Brought, Members } from "./envelope.js";
export {
  AcsError,
  Blocked,
  ConfigurationError,
  Denied,
  Escalated,
  Unavailable,
  describe,
  type Cause,
} from "./errors.js";
export { govern, governed, type GovernOptions } from "./govern.js";
export type { Json, JsonObject } from "./json.js";
export type { Labels } from "./labels.js";
export type { Approver, Log } from "./mediation.js";
export { POINTS, type Point } from "./profile.js";
export { ReplacedError, type ToolCall } from "./running.js";
export {
  currentSession,
  Session,
  type Model,
  type SessionOptions,
  type Source,
  type ToolCallOptions,
  type Usage,
} from "./session.js";
export { trace } from "./tracing.js";
export { toJson, SnapshotError } from "./values.js";
