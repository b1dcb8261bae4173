/** `govern`: a function that runs only as a permitted tool call (section 12.6). */

import { atExit } from "#platform";
import { Client } from "./client.js";
import { denied, Denied } from "./errors.js";
import { isSame, ownOptions, type Json, type JsonObject } from "./json.js";
import { currentSession, type Session } from "./session.js";
import { SnapshotError, take, type Taken } from "./values.js";

export interface GovernOptions {
  /** What policies know the function by: its own name without it. */
  readonly name?: string | undefined;
  /** Without any session, one of this agent that lasts as long as the process. */
  readonly agent?: string | undefined;
  readonly session?: Session | undefined;
  /** The names of positional arguments: without them, the function takes one object, which has names. */
  readonly parameters?: readonly string[] | undefined;
}

type Governed<F extends (...args: never[]) => unknown> = (
  this: ThisParameterType<F>,
  ...args: Parameters<F>
) => Promise<Awaited<ReturnType<F>>>;

/**
 * Return `tool` governed: each call is evaluated before it runs and after it returned.
 *
 * The tool runs with copies of the arguments that were judged, so that nothing that happens to them meanwhile
 * changes what runs. The session is `session`, else the current one, else one of `agent`; without any, a call
 * rejects with `Denied`.
 */
export function govern<F extends (...args: never[]) => unknown>(tool: F, given: GovernOptions = {}): Governed<F> {
  const options = ownOptions(given, ["name", "agent", "session", "parameters"], "a governed function", TypeError);
  if (typeof tool !== "function") throw new TypeError("`govern` takes a function");
  if (/Generator/.test(Object.prototype.toString.call(tool))) {
    throw new TypeError("a generator function cannot be governed: return the whole result");
  }
  const name = options.name ?? tool.name;
  if (!name) throw new TypeError("the function has no name: set `name`");
  const governedTool = async function (this: unknown, ...values: unknown[]): Promise<unknown> {
    const sent = argumentsOf(name, values, options.parameters);
    const session = await sessionOf(name, options);
    const apply = (args: unknown[]): unknown => Reflect.apply(tool as unknown as Apply, this, args);
    if (session.mode !== "enforce") return observed(session, name, values, options.parameters, apply);
    if (sent instanceof Denied) throw sent;
    return enforced(session, name, sent, options.parameters, apply);
  };
  Object.defineProperty(governedTool, "name", { value: tool.name });
  return governedTool as Governed<F>;
}

/** The options of `govern` on an asynchronous method: `@governed({ name: "…" })`. */
export function governed(options: GovernOptions = {}) {
  return <F extends (...args: never[]) => Promise<unknown>>(method: F, context: ClassMethodDecoratorContext): F =>
    govern(method, { name: String(context.name), ...options }) as unknown as F;
}

type Apply = (args: unknown[]) => unknown;
type Names = readonly string[] | undefined;

async function enforced(
  session: Session,
  name: string,
  sent: Taken,
  parameters: Names,
  apply: Apply,
): Promise<unknown> {
  let result: Taken | null = null;
  let isNothing = false;
  const value = await session.tool(name, sent.json, async ({ args }) => {
    const returned = await apply(permittedArguments(sent, args, parameters));
    isNothing = returned === undefined;
    result = taken("post_tool_call", returned ?? null);
    return result.json;
  });
  return resultOf(result, value, isNothing);
}

/** Watch a call that nothing changes and nothing stops. */
async function observed(
  session: Session,
  name: string,
  values: unknown[],
  parameters: Names,
  apply: Apply,
): Promise<unknown> {
  let returned: unknown;
  const named = parameters ? Object.fromEntries(parameters.map((parameter, at) => [parameter, values[at]])) : values[0];
  await session.tool(name, named ?? {}, async () => (returned = await apply(values)));
  return returned;
}

/** Return the arguments as they are now, or why they cannot be sent. */
function argumentsOf(name: string, values: unknown[], parameters: Names): Taken | Denied {
  try {
    return taken("pre_tool_call", namedArguments(name, values, parameters));
  } catch (error) {
    if (error instanceof Denied) return error;
    throw error;
  }
}

/** Return arguments by name: a map of positional ones, or the one object that has names. */
function namedArguments(name: string, values: unknown[], parameters: Names): unknown {
  if (parameters !== undefined && values.length <= parameters.length) {
    return new Map(values.flatMap((value, index) => (value === undefined ? [] : [[parameters[index], value]])));
  }
  const [first = {}] = values;
  if (parameters === undefined && values.length <= 1 && typeof first === "object" && !Array.isArray(first)) return first;
  const wanted = parameters === undefined ? "one object: name its `parameters`" : "its `parameters`";
  const message = `\`${name}\` is called with more than ${wanted}`;
  throw denied("pre_tool_call", "request_invalid", "snapshot", message);
}

function taken(point: string, value: unknown): Taken {
  try {
    return take(value);
  } catch (error) {
    if (error instanceof SnapshotError) throw denied(point, "request_invalid", "snapshot", error.message);
    throw error;
  }
}

/** Return what to run with: copies of what was judged, and what a transform has made of those that are JSON. */
function permittedArguments(sent: Taken, args: JsonObject, parameters: Names): unknown[] {
  const before = sent.json as JsonObject;
  const copies = new Map(sent.copy instanceof Map ? sent.copy : Object.entries(sent.copy as object));
  for (const name of new Set([...Object.keys(before), ...Object.keys(args)])) {
    if (isSame(before[name], args[name])) continue;
    if (!isJson(copies.get(name))) throw notPutBack(`the transform changes \`${name}\`, which is not plain JSON`);
    if (parameters !== undefined && !parameters.includes(name)) {
      throw notPutBack(`the transform adds the argument \`${name}\``);
    }
    if (Object.hasOwn(args, name)) copies.set(name, args[name]);
    else copies.delete(name);
  }
  return parameters === undefined ? [Object.fromEntries(copies)] : parameters.map((name) => copies.get(name));
}

/** Return the function's own result, or what a transform has made of it. */
function resultOf(result: Taken | null, value: Json, isNothing: boolean): unknown {
  if (result !== null && isSame(result.json, value)) return isNothing ? undefined : result.copy;
  if (result !== null && isJson(result.copy)) return value;
  throw notPutBack("the transform changes a result that is not plain JSON", "post_tool_call");
}

/** True for a copy that JSON alone holds as it is. */
function isJson(copy: unknown): boolean {
  if (typeof copy !== "object" || copy === null) return true;
  if (Array.isArray(copy)) return copy.every(isJson);
  return Object.getPrototypeOf(copy) === Object.prototype && Object.values(copy).every(isJson);
}

function notPutBack(message: string, point = "pre_tool_call"): Denied {
  return denied(point, "transform_invalid", "write_back", message);
}

const processSessions = new Map<string, Promise<Session>>();

async function sessionOf(name: string, { session, agent }: GovernOptions): Promise<Session> {
  const found = session ?? currentSession();
  if (found !== undefined) return found;
  if (agent === undefined) {
    const message = `\`${name}\` is called outside of any session: no tool runs`;
    throw denied("pre_tool_call", "adapter_unsupported", "ungoverned", message);
  }
  const started = processSessions.get(agent) ?? startProcessSession(agent);
  processSessions.set(agent, started);
  try {
    return await started;
  } catch (error) {
    processSessions.delete(agent);
    throw error;
  }
}

async function startProcessSession(agent: string): Promise<Session> {
  const session = new Client().session(agent);
  await session.start();
  atExit(() => session.shutdown());
  return session;
}
