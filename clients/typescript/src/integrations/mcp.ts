/**
 * The Model Context Protocol (section 12.8): `governServer(session, server)` and `governClient(session, client)`.
 *
 * A blocked call gives the caller one error result; with an escalation its ticket is in `_meta` at `acs/ticket`.
 *
 * @module
 */

import type { CallToolResult, Client } from "@modelcontextprotocol/client";
import type { McpServer } from "@modelcontextprotocol/server";
import { Blocked, denied, describe, Escalated } from "../errors.js";
import { encode, isObject, isSame, type Json, type JsonObject } from "../json.js";
import { isSameShape } from "../profile.js";
import { ReplacedError, runPermitted } from "../running.js";
import type { Session } from "../session.js";
import { toJson, toObject } from "../values.js";
import { contentOf, textsOf, type Part } from "./content.js";
import { checkOptions, notPutBack, ungoverned, type IntegrationOptions } from "./options.js";

export type { IntegrationOptions };

const CALL = "tools/call";
const TICKET = "acs/ticket";

interface Call {
  readonly name: string;
  readonly arguments?: unknown;
}

type Handler = (request: { params: Call }, context: unknown) => Promise<CallToolResult>;

/** Return a client whose every call of a tool is evaluated. */
export function governClient<C extends Client>(session: Session, client: C, given: IntegrationOptions = {}): C {
  const options = checkOptions(given);
  const callTool: Client["callTool"] = (params, settings) =>
    mediated(session, params, options, (args) => client.callTool({ ...params, arguments: args }, settings));
  return new Proxy(client, {
    get(target, name) {
      if (name === "callTool") return callTool;
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...values: unknown[]): unknown => {
        const [request] = values as [{ method?: unknown } | undefined];
        if (name === "request" && request?.method === CALL) throw ungoverned(CALL, "pre_tool_call");
        return Reflect.apply(member, target, values);
      };
    },
  });
}

/** Evaluate every call of the tools of a server, whatever is registered later too; return the server. */
export function governServer<S extends McpServer>(session: Session, server: S, given: IntegrationOptions = {}): S {
  const options = checkOptions(given);
  const handlers = (server.server as unknown as { _requestHandlers?: unknown })._requestHandlers;
  const inner: unknown = handlers instanceof Map ? handlers.get(CALL) : undefined;
  if (typeof inner !== "function") throw ungoverned(`${CALL} of a server without tools`);
  const governed = (handler: Handler): Handler => {
    return (request, context) =>
      mediated(session, request.params, options, (args) =>
        handler({ ...request, params: { ...request.params, arguments: args } }, context),
      );
  };
  const registered = handlers as Map<string, Handler>;
  const set = registered.set.bind(registered);
  registered.set = (method, handler) => set(method, method === CALL ? governed(handler) : handler);
  registered.set(CALL, inner as Handler);
  return server;
}

async function mediated(
  session: Session,
  params: Call,
  options: IntegrationOptions,
  run: (args: { [name: string]: unknown }) => Promise<CallToolResult>,
): Promise<CallToolResult> {
  const { name } = params;
  const given = params.arguments ?? {};
  if (options.exempt?.includes(name)) return run(given as JsonObject);
  let result: CallToolResult | undefined;
  try {
    const decision = await session.preToolCall(name, given);
    const { value } = await runPermitted(session, { name, decision }, async ({ args }) => {
      result = withoutMeta(await run(args));
      return valueOf(result);
    });
    return session.mode === "enforce" ? withValue(result as CallToolResult, value) : (result as CallToolResult);
  } catch (error) {
    if (error instanceof ErrorResult) return error.result;
    if (!(error instanceof Blocked) || options.onBlock === "raise") throw error;
    if (error instanceof ReplacedError) return errorResult(typeof error.value === "string" ? error.value : encode(error.value));
    const ticket = error instanceof Escalated ? error.ticket : null;
    return errorResult(describe(error.decision), ticket === null ? {} : { [TICKET]: ticket });
  }
}

/** A tool's own error result, which is evaluated as an error. */
class ErrorResult extends Error {
  readonly result: CallToolResult;

  constructor(result: CallToolResult) {
    const value = wholeOf(result);
    super(typeof value === "string" ? value : encode(value));
    this.result = result;
  }
}

function errorResult(text: string, meta: JsonObject = {}): CallToolResult {
  return { content: [{ type: "text", text }], isError: true, ...(Object.keys(meta).length > 0 && { _meta: meta }) };
}

/** Return a result with what is evaluated of it: no `_meta`, no annotations of its parts but two. */
function withoutMeta(result: CallToolResult): CallToolResult {
  if (!Array.isArray(result.content)) return result;
  const { _meta, ...rest } = result;
  const content = result.content.map(({ _meta: own, annotations, ...part }) => {
    const { audience, priority } = annotations ?? {};
    const known = { ...(audience !== undefined && { audience }), ...(priority !== undefined && { priority }) };
    return Object.keys(known).length > 0 ? { ...part, annotations: known } : part;
  });
  return { ...rest, content: content as CallToolResult["content"] };
}

/** What a policy sees: the text, or content and structure where they are not one text. */
function valueOf(result: CallToolResult): Json {
  if (!Array.isArray(result.content)) {
    throw denied("post_tool_call", "adapter_unsupported", "write_back", "the tool answered no result");
  }
  if (result.isError) throw new ErrorResult(result);
  return wholeOf(result);
}

function wholeOf(result: CallToolResult): Json {
  const content = contentOf(partsOf(result));
  const structured = result.structuredContent;
  if (structured === undefined || isSame(toJson(structured), { result: content })) return content;
  return { content, structured: toJson(structured) };
}

/** Write a transform to both copies; a structure may change in its texts alone, so that it fits its schema. */
function withValue(result: CallToolResult, value: Json): CallToolResult {
  const before = valueOf(result);
  if (isSame(before, value)) return result;
  const { structuredContent, _meta, ...rest } = result;
  if (structuredContent === undefined) return { ...rest, content: withTexts(result, value) };
  if (typeof before === "string") {
    return { ...rest, content: withTexts(result, value), structuredContent: { result: value } };
  }
  if (!isObject(value) || !isSameShape((before as JsonObject)["structured"] as Json, value["structured"] ?? null)) {
    throw notPutBack("post_tool_call", "the transform changes more of a structured result than its texts");
  }
  const content = withTexts(result, value["content"] ?? null);
  return { ...rest, content, structuredContent: value["structured"] as JsonObject };
}

function withTexts(result: CallToolResult, after: Json): CallToolResult["content"] {
  const texts = textsOf("post_tool_call", partsOf(result), after);
  return result.content.map((part, index) => {
    return part.type === "text" && texts[index] !== null ? { ...part, text: texts[index] ?? "" } : part;
  });
}

function partsOf({ content }: CallToolResult): Part[] {
  return content.map((part) => (part.type === "text" ? { text: part.text } : { other: toObject(part) }));
}
