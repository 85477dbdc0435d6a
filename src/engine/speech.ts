/** One turn of a model, collected: what it said and asked for as it may be kept and shown, told piece by piece. */
import { canonicalize, type Json } from "../core/canonical.ts";
import { asFault, Fault, type FaultRecord } from "../core/fault.ts";
import { cut } from "../core/text.ts";
import type { FailureKind, ToolRequest, Usage } from "../define/provider.ts";
import type { Scrubber } from "../vault/scrub.ts";
import { type Catalogue, recordableInput } from "./catalogue.ts";
import type { RunNews } from "./live.ts";
import type { ModelEvent } from "./model/client.ts";
import { scrubFault } from "./record.ts";

/** Arguments longer than this are a defect of the model: nothing legitimate is passed to a tool this way. */
const maxArgumentBytes = 1_048_576;
const maxNameBytes = 200;
const maxDetailBytes = 500;

export interface Spoken {
  readonly text: string;
  readonly thinking: string;
  /** As the door is to get them. */
  readonly calls: readonly ToolRequest[];
  /** The same as they may be written down. */
  readonly recorded: readonly RecordedCall[];
  readonly fault: FaultRecord | null;
  readonly kind: FailureKind | undefined;
  readonly stop: "length" | "refusal" | undefined;
  readonly continuation: Json | undefined;
  readonly model: string | undefined;
  readonly usage: (Usage & { readonly cost_microusd: number | null }) | undefined;
}

/** `altered`: what was written down is not what was asked for, which held a secret. */
export type RecordedCall = ToolRequest & { readonly altered?: true };

interface Listener {
  readonly catalogue: Catalogue;
  readonly scrubber: Scrubber;
  readonly next_call: number;
  readonly max_thinking_chars: number;
  readonly tell: (news: RunNews) => void;
  readonly notice: (name: string, detail: string) => void;
}

/** Reads a stream to its end. Throws only what the stream throws. */
export async function listen(stream: AsyncIterable<ModelEvent>, listener: Listener): Promise<Spoken> {
  const { scrubber, tell } = listener;
  let text = new Voice(scrubber, (piece) => tell({ type: "delta", text: piece }));
  let thinking = new Voice(scrubber, (piece) => tell({ type: "thinking", text: piece }));
  let calls: ToolRequest[] = [];
  for await (const event of stream) {
    if (event.type === "text") text.push(event.text);
    else if (event.type === "thinking") thinking.push(event.text);
    else if (event.type === "call") calls.push(event.call);
    else if (event.type === "notice") listener.notice(event.name, noticeText(scrubber, event.detail));
    else if (event.type === "retry") {
      text = new Voice(scrubber, (piece) => tell({ type: "delta", text: piece }));
      thinking = new Voice(scrubber, (piece) => tell({ type: "thinking", text: piece }));
      calls = [];
      const { reason, wait_ms, model } = event;
      tell({ type: "retry", reason: noticeText(scrubber, reason), wait_ms, model });
      listener.notice("model.retry", noticeText(scrubber, `${model}: ${reason}`));
    } else {
      const asked = event.type === "done" ? calls.map((call, i) => ours(listener, call, i)) : [];
      return {
        text: text.end(),
        thinking: shortened(thinking.end(), listener.max_thinking_chars),
        calls: asked.map(({ call }) => call),
        recorded: asked.map(({ recorded }) => recorded),
        fault: event.type === "error" ? scrubFault(scrubber, event.fault) : null,
        kind: event.type === "error" ? event.kind : undefined,
        stop: event.type === "done" && (event.stop === "length" || event.stop === "refusal") ? event.stop : undefined,
        continuation: event.type === "done" ? event.continuation : undefined,
        model: event.type === "done" ? event.model : undefined,
        usage: event.type === "done" ? (event.usage ?? undefined) : undefined,
      };
    }
  }
  const fault = new Fault("unavailable", "the provider stopped without finishing its answer", { hint: "try again" });
  return {
    text: text.end(),
    thinking: "",
    calls: [],
    recorded: [],
    fault: fault.toRecord(),
    kind: "cut",
    stop: undefined,
    continuation: undefined,
    model: undefined,
    usage: undefined,
  };
}

/** Text that arrives in pieces and is given on without a secret in it, also one that lies across pieces. */
class Voice {
  readonly #stream: ReturnType<Scrubber["stream"]>;
  readonly #give: (piece: string) => void;
  readonly #given: string[] = [];

  constructor(scrubber: Scrubber, give: (piece: string) => void) {
    this.#stream = scrubber.stream();
    this.#give = give;
  }

  push(piece: string): void {
    this.#out(this.#stream.push(piece));
  }

  end(): string {
    this.#out(this.#stream.end());
    return this.#given.join("").toWellFormed();
  }

  #out(piece: string): void {
    if (piece === "") return;
    this.#given.push(piece);
    this.#give(piece);
  }
}

/** A call under our id and our name for its tool. The model's own id may be anything and is seen by nobody. */
function ours(
  { catalogue, scrubber, next_call, notice }: Listener,
  said: ToolRequest,
  position: number,
): { readonly call: ToolRequest; readonly recorded: RecordedCall } {
  const id = `call-${next_call + position}`;
  const tool = catalogue.find(said.tool);
  const name = tool?.name ?? cut(scrubber.text(said.tool), maxNameBytes).text.toWellFormed();
  if (!tool) notice("model.call_unknown", `${id}: ${name}`);
  const effect = tool ? { effect: tool.effect } : {};
  const size = Buffer.byteLength(JSON.stringify(said.arguments) ?? "", "utf8");
  if (size > maxArgumentBytes) {
    notice("model.call_oversized", `${id}: ${size} bytes of arguments`);
    const call = { id, tool: name, arguments: { omitted_bytes: size }, ...effect };
    return { call, recorded: call };
  }
  const call = { id, tool: name, arguments: said.arguments, ...effect };
  const kept = recordableArguments(scrubber, tool, said.arguments);
  const isSame = sameJson(kept, said.arguments);
  return { call, recorded: { ...call, arguments: kept, ...(isSame ? {} : { altered: true as const }) } };
}

function recordableArguments(scrubber: Scrubber, tool: ReturnType<Catalogue["find"]>, input: Json): Json {
  try {
    const kept = scrubber.json(recordableInput(tool, input));
    canonicalize(kept);
    return kept;
  } catch (thrown) {
    return { not_json: asFault(thrown).message };
  }
}

function sameJson(one: Json, other: Json): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function noticeText(scrubber: Scrubber, text: string): string {
  return cut(scrubber.text(text), maxDetailBytes).text.toWellFormed();
}

function shortened(text: string, max_chars: number): string {
  return text.length <= max_chars ? text : `${text.slice(0, max_chars).toWellFormed()}...`;
}
