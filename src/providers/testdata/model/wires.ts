/** The three interfaces a scripted model speaks: its turns as their server-sent events, byte for byte as clients expect them. */
import type { Json } from "../../../core/canonical.ts";
import type { ScriptTurn, Wire } from "./script.ts";

/** Events before the text, its pieces, and events after it up to the end mark. */
export interface Framed {
  readonly head: readonly string[];
  readonly pieces: readonly string[];
  readonly tail: readonly string[];
}

const model = "scripted";

function line(data: Json, event?: string): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
}

function typed(data: { readonly type: string; readonly [key: string]: Json }): string {
  return line(data, data.type);
}

/** The text in pieces. */
function piecesOf({ text = "", chunks }: ScriptTurn): readonly string[] {
  if (text === "") return [];
  if (chunks === undefined) return text.match(/\S+\s*|\s+/g) ?? [];
  const size = Math.max(1, Math.ceil(text.length / chunks));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
}

function written(argument: Json): string {
  return typeof argument === "string" ? argument : JSON.stringify(argument);
}

function idOf(turn: ScriptTurn, at: number): string {
  return turn.calls?.[at]?.id ?? `scripted_${at + 1}`;
}

export function frame(wire: Exclude<Wire, "models">, turn: ScriptTurn): Framed {
  return wire === "chat" ? chat(turn) : wire === "responses" ? responses(turn) : messages(turn);
}

function usageOf({ usage }: ScriptTurn) {
  return { input: usage?.input_tokens ?? 10, output: usage?.output_tokens ?? 5, cached: usage?.cached_tokens ?? 0 };
}

function chat(turn: ScriptTurn): Framed {
  const chunk = (delta: Json, finish: string | null): string =>
    line({
      id: "c",
      object: "chat.completion.chunk",
      created: 0,
      model,
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
  const calls = (turn.calls ?? []).flatMap(({ tool, arguments: input }, index) => [
    chunk(
      { tool_calls: [{ index, id: idOf(turn, index), type: "function", function: { name: tool, arguments: "" } }] },
      null,
    ),
    chunk({ tool_calls: [{ index, function: { arguments: written(input) } }] }, null),
  ]);
  const { input, output, cached } = usageOf(turn);
  const usage = {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
  };
  const finish = turn.stop === "length" ? "length" : turn.calls?.length ? "tool_calls" : "stop";
  const refusal = turn.stop === "refusal" ? [chunk({ refusal: "I will not do that." }, null)] : [];
  return {
    head: [
      chunk({ role: "assistant", content: "" }, null),
      ...(turn.thinking === undefined ? [] : [chunk({ reasoning_content: turn.thinking }, null)]),
    ],
    pieces: piecesOf(turn).map((content) => chunk({ content }, null)),
    tail: [
      ...refusal,
      ...calls,
      chunk({}, finish),
      line({ id: "c", object: "chat.completion.chunk", created: 0, model, choices: [], usage }),
      "data: [DONE]\n\n",
    ],
  };
}

function responses(turn: ScriptTurn): Framed {
  const { input, output, cached } = usageOf(turn);
  const usage = {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    input_tokens_details: { cached_tokens: cached },
    output_tokens_details: { reasoning_tokens: 0 },
  };
  const thought =
    turn.thinking === undefined
      ? []
      : [
          typed({
            type: "response.output_item.added",
            output_index: 0,
            item: { type: "reasoning", id: "r1", summary: [] },
          }),
          typed({
            type: "response.reasoning_summary_text.delta",
            output_index: 0,
            item_id: "r1",
            summary_index: 0,
            delta: turn.thinking,
          }),
          typed({
            type: "response.output_item.done",
            output_index: 0,
            item: { type: "reasoning", id: "r1", summary: [], encrypted_content: "sealed" },
          }),
        ];
  const calls = (turn.calls ?? []).flatMap(({ tool, arguments: argument }, i) => {
    const item = { type: "function_call", id: `f${i}`, call_id: idOf(turn, i), name: tool };
    return [
      typed({ type: "response.output_item.added", output_index: i + 2, item: { ...item, arguments: "" } }),
      typed({
        type: "response.function_call_arguments.delta",
        output_index: i + 2,
        item_id: `f${i}`,
        delta: written(argument),
      }),
      typed({
        type: "response.output_item.done",
        output_index: i + 2,
        item: { ...item, arguments: written(argument) },
      }),
    ];
  });
  const refusal =
    turn.stop === "refusal"
      ? [typed({ type: "response.refusal.delta", output_index: 1, item_id: "m1", delta: "I will not do that." })]
      : [];
  const { text = "" } = turn;
  const item = { id: "m1", type: "message", role: "assistant", status: "completed" };
  const part = { type: "output_text", text, annotations: [] };
  const place = { output_index: 1, content_index: 0, item_id: "m1" };
  const opening =
    text === ""
      ? []
      : [
          typed({ type: "response.output_item.added", output_index: 1, item: { ...item, content: [] } }),
          typed({ type: "response.content_part.added", ...place, part: { ...part, text: "" } }),
        ];
  const closing =
    text === ""
      ? []
      : [
          typed({ type: "response.output_text.done", ...place, text }),
          typed({ type: "response.content_part.done", ...place, part }),
          typed({ type: "response.output_item.done", output_index: 1, item: { ...item, content: [part] } }),
        ];
  const end = turn.stop === "length" ? "incomplete" : "completed";
  return {
    head: [
      typed({ type: "response.created", response: { id: "x", status: "in_progress", output: [] } }),
      ...thought,
      ...opening,
    ],
    pieces: piecesOf(turn).map((delta) =>
      typed({ type: "response.output_text.delta", output_index: 1, item_id: "m1", content_index: 0, delta }),
    ),
    tail: [
      ...closing,
      ...refusal,
      ...calls,
      typed({ type: `response.${end}`, response: { id: "x", status: end, output: [], usage } }),
    ],
  };
}

function messages(turn: ScriptTurn): Framed {
  const { input, output, cached } = usageOf(turn);
  const textAt = turn.thinking === undefined ? 0 : 1;
  const block = (index: number, start: Json, deltas: readonly Json[]): readonly string[] => [
    typed({ type: "content_block_start", index, content_block: start }),
    ...deltas.map((delta) => typed({ type: "content_block_delta", index, delta })),
    typed({ type: "content_block_stop", index }),
  ];
  const thought =
    turn.thinking === undefined
      ? []
      : block(0, { type: "thinking", thinking: "", signature: "" }, [
          { type: "thinking_delta", thinking: turn.thinking },
          { type: "signature_delta", signature: "signed" },
        ]);
  const pieces = piecesOf(turn);
  const calls = (turn.calls ?? []).flatMap(({ tool, arguments: argument }, i) =>
    block(textAt + 1 + i, { type: "tool_use", id: idOf(turn, i), name: tool, input: {} }, [
      { type: "input_json_delta", partial_json: written(argument) },
    ]),
  );
  const reason =
    turn.stop === "length"
      ? "max_tokens"
      : turn.stop === "refusal"
        ? "refusal"
        : turn.calls?.length
          ? "tool_use"
          : "end_turn";
  const start = {
    id: "m",
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: {
      input_tokens: input - cached,
      cache_read_input_tokens: cached,
      cache_creation_input_tokens: 0,
      output_tokens: 1,
    },
  };
  return {
    head: [
      typed({ type: "message_start", message: start }),
      ...thought,
      ...(pieces.length
        ? [typed({ type: "content_block_start", index: textAt, content_block: { type: "text", text: "" } })]
        : []),
    ],
    pieces: pieces.map((text) =>
      typed({ type: "content_block_delta", index: textAt, delta: { type: "text_delta", text } }),
    ),
    tail: [
      ...(pieces.length ? [typed({ type: "content_block_stop", index: textAt })] : []),
      ...calls,
      typed({
        type: "message_delta",
        delta: { stop_reason: reason, stop_sequence: null },
        usage: { output_tokens: output },
      }),
      typed({ type: "message_stop" }),
    ],
  };
}

/** How often the assistant has spoken in a request's conversation. */
export function turnsSpoken(wire: Wire, body: Json): number {
  const list = (body as { readonly messages?: Json; readonly input?: Json })[
    wire === "responses" ? "input" : "messages"
  ];
  const items = Array.isArray(list) ? (list as readonly { readonly role?: string; readonly type?: string }[]) : [];
  if (wire !== "responses") return items.filter(({ role }) => role === "assistant").length;
  // A turn is a text, calls, or both: neighbouring items of the model belong together.
  const isModels = ({ role, type }: { readonly role?: string; readonly type?: string }) =>
    role === "assistant" || type === "function_call" || type === "reasoning";
  return items.filter((item, i) => isModels(item) && !(i > 0 && isModels(items[i - 1] ?? {}))).length;
}
