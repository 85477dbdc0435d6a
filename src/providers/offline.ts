/** The embedded provider without a model: read-only tools chosen by ranking, answers made from their results by templates. */
import { asFault, Fault } from "../core/fault.ts";
import {
  defineProvider,
  type Message,
  type ProviderContext,
  type ProviderEvent,
  type ProviderRequest,
} from "../define/provider.ts";
import type { ToolResult } from "./offline/answer.ts";

export const offline = defineProvider({
  name: "offline",
  summary: "Answers questions with read-only tools, without a model, a key or a network.",
  reach: null,
  async *stream(request, ctx) {
    try {
      yield* turn(request, ctx);
    } catch (thrown) {
      yield { type: "error", fault: asFault(thrown, "the offline provider").toRecord() };
    }
  },
});

/**
 * The first turn asks for calls, the turn after their results answers. Only the last user message is a request: the
 * system prompt, earlier messages and tool results are never looked at for one.
 */
async function* turn(request: ProviderRequest, ctx: ProviderContext): AsyncGenerator<ProviderEvent> {
  if (ctx.signal.aborted) throw new Fault("canceled", "the request was canceled", { cause: ctx.signal.reason });
  const { asked, after } = lastRequest(request.messages);
  // A run with a model never needs them.
  const [{ planFor }, { answerFrom, answerWithout }] = await Promise.all([
    import("./offline/plan.ts"),
    import("./offline/answer.ts"),
  ]);
  const plan = planFor(asked, request.tools, ctx.rank);
  const requests = after.flatMap((message) => (message.role === "assistant" ? message.calls : []));
  if (requests.length > 0) {
    const results = after.filter((message): message is ToolResult => message.role === "tool");
    yield { type: "text", text: answerFrom(plan, requests, results) };
  } else if (plan.calls.length > 0) {
    for (const [i, { tool, input }] of plan.calls.entries()) {
      yield { type: "call", call: { id: `offline-${i + 1}`, tool, arguments: input } };
    }
  } else yield { type: "text", text: answerWithout(plan) };
  yield { type: "done" };
}

function lastRequest(messages: readonly Message[]): { readonly asked: string; readonly after: readonly Message[] } {
  const at = messages.findLastIndex((message) => message.role === "user");
  return { asked: messages[at]?.content ?? "", after: messages.slice(at + 1) };
}
