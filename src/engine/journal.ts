/** The write-ahead journal of one run (`events.jsonl`): one JSON object a line, in the order things happened. */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { type Json, isJsonObject, parseJson } from "../core/canonical.ts";
import { Fault, type FaultRecord } from "../core/fault.ts";
import type { FailureKind, Image, Message, ToolRequest, Usage } from "../define/provider.ts";
import type { RunState } from "../define/handles.ts";
import type { RunLimits } from "./run-request.ts";

/** What a run was started with; fields that may be absent were not known to the versions before them. */
export interface RunInput {
  readonly run_id: string;
  readonly principal: string;
  readonly message: string;
  readonly source: string;
  readonly provider: string | null;
  readonly version: string;
  readonly policy_sha256: string;
  readonly config_sha256: string;
  readonly max_turns: number;
  readonly model?: string | null;
  readonly session?: string;
  /** The run that started this one, and by which of its calls. */
  readonly parent?: { readonly run: string; readonly call: string };
  /** Capabilities a sub-agent's run is held to, beside its principal's grants. */
  readonly within?: readonly string[];
  readonly dry_run?: true;
  readonly limits?: LoopLimits;
  /** What whoever asked for the run limited it to, beside the config. */
  readonly asked?: RunLimits;
  /** JSON Schema of the answer. */
  readonly schema?: Json;
  /** SHA-256 of each persona file, AGENTS.md and skill list that went into the first prompt, by name. */
  readonly context_sha256?: Readonly<Record<string, string>>;
}

/** The numbers the loop decides by. They are recorded, so that a replay decides alike. */
export interface LoopLimits {
  readonly max_turns: number;
  readonly max_calls_per_turn: number;
  readonly no_progress_turns: number;
  readonly recovery_failures: number;
  readonly escalation_failures: number;
  readonly result_chars: number;
  readonly error_chars: number;
  readonly results_kept: number;
  readonly context_tokens: number;
  readonly compact_percent: number;
  readonly compact_keep: number;
}

export type RunEvent = { readonly ts: string } & (
  | ({ readonly type: "start" } & RunInput)
  | {
      readonly type: "prompt";
      readonly text: string;
      /** What was said before in the session, oldest first. */
      readonly history?: readonly Message[];
      readonly images?: readonly Image[];
      /** Names of the tools offered at first. */
      readonly tools?: readonly string[];
    }
  | {
      readonly type: "turn";
      readonly turn: number;
      readonly text: string;
      readonly calls: readonly ToolRequest[];
      readonly fault: FaultRecord | null;
      readonly thinking?: string;
      /** `provider/model` that answered. */
      readonly model?: string;
      readonly usage?: Usage & { readonly cost_microusd: number | null };
      readonly stop?: "length" | "refusal";
      readonly kind?: FailureKind;
    }
  | {
      readonly type: "intent";
      readonly call: string;
      readonly tool: string;
      readonly input: Json;
      readonly salt: string;
      readonly digest: string;
    }
  | {
      readonly type: "outcome";
      readonly call: string;
      readonly duration_ms: number;
      readonly output: Json;
    }
  | {
      readonly type: "failure";
      readonly call: string;
      readonly duration_ms: number;
      readonly code: string;
      readonly fault: FaultRecord;
    }
  | {
      readonly type: "refusal";
      readonly call: string;
      readonly tool: string;
      readonly input: Json;
      readonly code: string;
      readonly fault: FaultRecord;
      readonly proposal: string | null;
    }
  /** The result of an identical earlier call was given again; nothing was executed. */
  | { readonly type: "reused"; readonly call: string; readonly of: string }
  /** Older messages gave way to a summary. */
  | { readonly type: "compaction"; readonly turn: number; readonly summary: string; readonly dropped: number }
  /** Something worth knowing that is no step of the loop: see ModelNotice, and `loop.*` for the loop's own. */
  | { readonly type: "notice"; readonly name: string; readonly detail: string }
  /** The call waits for an answer to an approval; the run may end its process here and go on later. */
  | { readonly type: "waiting"; readonly call: string; readonly approval: string }
  | {
      readonly type: "answered";
      readonly call: string;
      readonly approval: string;
      readonly decision: "approved" | "denied" | "expired";
      readonly by: string;
      readonly reason: string | null;
    }
  /** Whoever took the run up said in advance that a call that may have happened is not made again. */
  | { readonly type: "skipped"; readonly call: string }
  /** A run that had stopped goes on. */
  | { readonly type: "resumed"; readonly by: string; readonly after: RunState }
  | {
      readonly type: "end";
      readonly state: RunState;
      readonly answer: string;
      readonly fault: FaultRecord | null;
    }
);

export class Journal {
  readonly #fd: number;
  readonly #events: RunEvent[] = [];
  #open = true;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Creates the file; throws `already_exists` when there is one. */
  static create(path: string): Journal {
    return new Journal(openSync(path, "ax", 0o600));
  }

  /** Goes on with the journal of a run that was cut off, after dropping a last line without its newline. */
  static resume(path: string): { readonly journal: Journal; readonly torn_bytes: number } {
    const { events, torn_bytes, bytes } = readJournal(path);
    const fd = openSync(path, "a", 0o600);
    if (torn_bytes > 0) ftruncateSync(fd, bytes - torn_bytes);
    const journal = new Journal(fd);
    journal.#events.push(...events);
    return { journal, torn_bytes };
  }

  get events(): readonly RunEvent[] {
    return this.#events;
  }

  /** Appends one line; with `durable` it is on the disk when this returns. Throws the system error otherwise. */
  append(event: RunEvent, options: { readonly durable: boolean }): void {
    const line = Buffer.from(`${JSON.stringify(event)}\n`, "utf8");
    for (let at = 0; at < line.length;) at += writeSync(this.#fd, line, at);
    if (options.durable) fdatasyncSync(this.#fd);
    this.#events.push(event);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}

const types: ReadonlySet<string> = new Set<RunEvent["type"]>([
  "start",
  "prompt",
  "turn",
  "intent",
  "outcome",
  "failure",
  "refusal",
  "reused",
  "compaction",
  "notice",
  "waiting",
  "answered",
  "skipped",
  "resumed",
  "end",
]);

/** The whole lines of a journal. Throws `data_loss` naming the first line that is not an event. */
export function readJournal(path: string): {
  readonly events: readonly RunEvent[];
  readonly torn_bytes: number;
  readonly bytes: number;
} {
  const content = readFileSync(path);
  const whole = content.lastIndexOf(0x0a) + 1;
  const lines = content.subarray(0, whole).toString("utf8").split("\n").slice(0, -1);
  const events = lines.map((line, i) => {
    const value = parseLine(line, path, i + 1);
    if (!isJsonObject(value) || typeof value["type"] !== "string" || !types.has(value["type"]))
      throw broken(path, i + 1);
    return value as unknown as RunEvent;
  });
  return { events, torn_bytes: content.length - whole, bytes: content.length };
}

function parseLine(line: string, path: string, number: number): Json {
  try {
    return parseJson(line);
  } catch (cause) {
    throw broken(path, number, cause);
  }
}

function broken(path: string, line: number, cause?: unknown): Fault {
  return new Fault("data_loss", `line ${line} of ${path} is not a run event`, {
    hint: "the bundle was damaged; compare its digest with the ledger",
    cause,
  });
}
