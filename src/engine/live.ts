/** What happens in a run as it happens: the one union that the command line, the API and the channels consume. */
import type { Json } from "../core/canonical.ts";
import type { FaultRecord } from "../core/fault.ts";
import type { RunState } from "../define/handles.ts";
import type { Usage } from "../define/provider.ts";
import type { Bits } from "./bits.ts";

/** All text in it is scrubbed. Deltas of a turn that was given up are taken back by a `retry`. */
export type LiveEvent = { readonly run_id: string } & (
  | {
      readonly type: "run.start";
      readonly principal: string;
      readonly session: string | null;
      readonly resumed: boolean;
    }
  | { readonly type: "turn.start"; readonly turn: number }
  | { readonly type: "delta"; readonly text: string }
  | { readonly type: "thinking"; readonly text: string }
  /** What was streamed of this turn is void; another attempt follows after `wait_ms`, perhaps of another model. */
  | { readonly type: "retry"; readonly reason: string; readonly wait_ms: number; readonly model: string }
  | { readonly type: "turn.end"; readonly turn: number; readonly text: string; readonly calls: number }
  | { readonly type: "tool.start"; readonly call_id: string; readonly tool: string; readonly input: Json }
  /** What a program of the call says while it runs; bounded, so its result may say more. */
  | {
      readonly type: "tool.output";
      readonly call_id: string;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
    }
  | {
      readonly type: "tool.end";
      readonly call_id: string;
      readonly tool: string;
      readonly ok: boolean;
      readonly code: string | null;
      readonly message: string | null;
      readonly duration_ms: number;
    }
  | {
      readonly type: "approval";
      readonly approval: string;
      readonly call_id: string;
      readonly tool: string;
      readonly reason: string;
      readonly state: "pending" | "approved" | "denied" | "expired";
    }
  | {
      readonly type: "usage";
      readonly model: string;
      readonly usage: Usage;
      readonly cost_microusd: number | null;
    }
  /** Something came into the run's context that was not in it before; the bits are those of the run now. */
  | ({ readonly type: "taint"; readonly call_id: string; readonly tool: string; readonly from: string } & Bits)
  | { readonly type: "notice"; readonly name: string; readonly detail: string }
  | { readonly type: "error"; readonly fault: FaultRecord }
  | { readonly type: "run.end"; readonly state: RunState; readonly answer: string; readonly taint: Bits }
);

type Unaddressed<E> = E extends { readonly run_id: string } ? Omit<E, "run_id"> : never;

/** An event before it is known whose it is. */
export type RunNews = Unaddressed<LiveEvent>;
