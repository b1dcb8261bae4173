/** Tools of the AI SDK as governed calls (sections 12.7 and 12.8). */

import { asSchema, type ToolSet } from "ai";
import { Blocked } from "../errors.js";
import { encode, isSame, type Json, type JsonObject } from "../json.js";
import { ReplacedError, runPermitted } from "../running.js";
import type { Session } from "../session.js";
import { take, type Taken } from "../values.js";
import { Attempts, type ToolOptions } from "./attempts.js";
import { checkOptions, notPutBack, stop, ungoverned } from "./options.js";

type AnyTool = ToolSet[string];
type Execute = NonNullable<AnyTool["execute"]>;

/** Return tools whose every call is evaluated before it runs and after it returned. */
export function governTools<TOOLS extends ToolSet>(session: Session, tools: TOOLS, given: ToolOptions = {}): TOOLS {
  const options = checkOptions(given, "onEscalation", "approvals");
  const governed = Object.entries(tools).map(([name, tool]) => {
    if (options.exempt?.includes(name)) return [name, tool];
    if (tool.execute !== undefined) return [name, governTool(session, name, tool, options)];
    if (options.hosted !== "observe") throw ungoverned(name);
    return [name, tool];
  });
  return Object.fromEntries(governed) as TOOLS;
}

function governTool(session: Session, name: string, tool: AnyTool, options: ToolOptions): AnyTool {
  const attempts = new Attempts(session, options);
  const execute: Execute = async (input: unknown, context) => {
    try {
      const sent = takeInput(session, input);
      const permit = await attempts.permitted(name, context.toolCallId, sent.json);
      const { value } = await runPermitted(session, permit, async ({ args }) => {
        const permitted = session.mode === "enforce" ? await toRun(tool, sent, args) : input;
        return lastOf(await (tool.execute as Execute)(permitted as never, context));
      });
      return value;
    } catch (error) {
      throw shown(session, error, options);
    }
  };
  const needsApproval = async (input: unknown, context: { toolCallId: string }): Promise<boolean> => {
    const wanted: unknown = tool.needsApproval;
    const isWanted = typeof wanted === "function" ? Boolean(await wanted(input, context)) : wanted === true;
    return attempts.isPaused(name, context.toolCallId, takeInput(session, input).json, isWanted);
  };
  return { ...tool, execute, needsApproval } as AnyTool;
}

/** Return the input as it is now; what cannot be sent is judged as it stands, which is a deny. */
function takeInput(session: Session, input: unknown): Taken {
  try {
    return take(input ?? {});
  } catch (error) {
    if (session.mode !== "enforce") return { json: input as Json, copy: input };
    throw error;
  }
}

/** Return what the tool runs with: the copy that was judged, or transformed arguments that its schema takes. */
async function toRun(tool: AnyTool, sent: Taken, args: JsonObject): Promise<unknown> {
  if (isSame(args, sent.json)) return sent.copy;
  const { validate } = asSchema(tool.inputSchema as Parameters<typeof asSchema>[0]);
  const result = await validate?.(args);
  if (result?.success === false) {
    throw notPutBack("pre_tool_call", "the transform makes arguments that the tool does not take");
  }
  return result === undefined ? args : result.value;
}

/** Return the whole result of a tool that yields it in pieces: its last one. */
async function lastOf(result: unknown): Promise<unknown> {
  if (typeof result !== "object" || result === null || !(Symbol.asyncIterator in result)) return result;
  let last: unknown;
  for await (const piece of result as AsyncIterable<unknown>) last = piece;
  return last;
}

/** Return what the model is shown of a call that did not come through. */
function shown(session: Session, error: unknown, options: ToolOptions): unknown {
  if (error instanceof ReplacedError) {
    return new Error(typeof error.value === "string" ? error.value : encode(error.value));
  }
  if (error instanceof Blocked && options.onBlock === "raise") stop(session, error);
  return error;
}
