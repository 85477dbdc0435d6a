/** One request to the Messages interface: what is sent, where it may be cached, and under which version of the interface. */
import type { Json } from "../../core/canonical.ts";
import { type ProviderRequest, type ToolOffer, wireName } from "../../define/provider.ts";
import { textualInstructions } from "../wire/textual.ts";
import { type Block, historyOf, toolName, type WireMessage } from "./history.ts";
import { formatFor } from "./schema.ts";
import { thinkingFor } from "./thinking.ts";

export interface Prepared {
  readonly body: { readonly [field: string]: unknown };
  readonly version: string;
  /** Of what the answer will answer; see `historyOf`. */
  readonly seal: string;
}

/** The newest version no longer takes a temperature. */
export const newestVersion = "2026-10-21";
const versionWithTemperature = "2023-06-01";

export function prepare(request: ProviderRequest): Prepared {
  const model = request.model ?? "";
  const { effort, max_output_tokens, temperature } = request;
  const format = request.schema === null ? undefined : formatFor(model, request.schema);
  const system = systemText(request, format === undefined);
  const rest = request.messages.slice(leadingSystem(request));
  const offered = toolsFor(request);
  const before = { model, system, tools: offered.tools };
  const { messages, seal, is_continued } = historyOf(rest, before, request.tool_calls === "text");
  const thought = thinkingFor({ model, effort, max_output_tokens, is_continued });
  const output = {
    ...(thought.effort === undefined ? {} : { effort: thought.effort }),
    ...(format === undefined ? {} : { format: { type: "json_schema", schema: format } }),
  };
  const body = {
    model,
    max_tokens: max_output_tokens,
    stream: true,
    ...(system === "" ? {} : { system: [marked({ type: "text", text: system })] }),
    ...(offered.tools.length === 0 ? {} : { tools: withMarkedLast(offered.tools) }),
    ...(offered.only_past ? { tool_choice: { type: "none" } } : {}),
    messages: withMarks(messages),
    ...(thought.thinking === undefined ? {} : { thinking: thought.thinking }),
    ...(Object.keys(output).length === 0 ? {} : { output_config: output }),
    ...(temperature === null ? {} : { temperature }),
  };
  return { body, seal, version: temperature === null ? newestVersion : versionWithTemperature };
}

function leadingSystem({ messages }: ProviderRequest): number {
  const first = messages.findIndex(({ role }) => role !== "system");
  return first < 0 ? messages.length : first;
}

function systemText(request: ProviderRequest, spellsSchema: boolean): string {
  const parts = request.messages.slice(0, leadingSystem(request)).map(({ content }) => content);
  if (request.schema !== null && spellsSchema) {
    parts.push(
      `Answer with JSON alone, without a code fence, that fits this JSON Schema:\n${JSON.stringify(request.schema)}`,
    );
  }
  if (request.tool_calls === "text" && request.tools.length > 0) parts.push(textualInstructions(request.tools));
  return parts.filter((each) => each.trim() !== "").join("\n\n");
}

type WireTool = { readonly [field: string]: Json };

/** Without tools to offer, those that were used before are named all the same: the interface refuses their calls otherwise. */
function toolsFor({ tools, messages, tool_calls }: ProviderRequest): {
  readonly tools: readonly WireTool[];
  readonly only_past: boolean;
} {
  if (tool_calls === "text") return { tools: [], only_past: false };
  if (tools.length > 0) return { tools: tools.map(wireTool), only_past: false };
  const used = messages.flatMap((message) =>
    message.role === "assistant" ? message.calls.map(({ tool }) => tool) : [],
  );
  const names = [...new Set(used.map(toolName))];
  return { tools: names.map((name) => ({ name, input_schema: { type: "object" } })), only_past: names.length > 0 };
}

function wireTool(offer: ToolOffer): WireTool {
  return { name: wireName(offer), description: offer.summary, input_schema: offer.input };
}

function marked<T extends object>(part: T): T & { readonly cache_control: { readonly type: "ephemeral" } } {
  return { ...part, cache_control: { type: "ephemeral" } };
}

function withMarkedLast<T extends object>(parts: readonly T[]): readonly T[] {
  return parts.map((part, i) => (i === parts.length - 1 ? marked(part) : part));
}

/**
 * Marks the ends of the last two user messages: all up to the first is read from the cache, all up to the second is
 * written to it for the next turn. With the marks of system and tools that is all the four a request may have.
 */
function withMarks(messages: readonly WireMessage[]): readonly WireMessage[] {
  const ends = messages.flatMap(({ role }, i) => (role === "user" ? [i] : [])).slice(-2);
  return messages.map((message, i) =>
    ends.includes(i) ? { ...message, content: withMarkedLast<Block>(message.content) } : message,
  );
}
