/** What a run is asked for with. */
import type { Json } from "../core/canonical.ts";
import type { Principal } from "../define/principal.ts";
import type { Image } from "../define/provider.ts";
import type { LiveEvent } from "./live.ts";
import type { Approver } from "./scope.ts";

export interface RunRequest {
  readonly principal: Principal;
  readonly message: string;
  /** Where the request came from: `cli`, `stdin`, `schedule` ... */
  readonly source: string;
  /** Characters at the end of the message that no person typed: from a pipe, a file, a channel; all of it for `stdin`. */
  readonly attached_chars?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly session?: SessionChoice | undefined;
  readonly images?: readonly Image[] | undefined;
  /** JSON Schema the answer must fit. */
  readonly schema?: Json | undefined;
  /** Plans only: calls with an effect are refused. */
  readonly dry_run?: boolean | undefined;
  readonly limits?: RunLimits | undefined;
  readonly onEvent?: ((event: LiveEvent) => void) | undefined;
  /** Asks a person who is there; without it a call that policy asks about leaves the run waiting. */
  readonly approve?: Approver | undefined;
}

/** Tighter limits than the config's for one run; none can be wider. */
export interface RunLimits {
  readonly max_turns?: number;
  readonly max_tokens?: number;
  readonly max_usd?: number;
  readonly max_tool_calls?: number;
  readonly max_wall_ms?: number;
}

/** Where a session is at home: one entrance, one person, one room there. */
export interface Place {
  readonly channel: string;
  readonly user: string;
  readonly room: string;
}

/** `new`, `current` (the one last used at this place, or a new one), or an id. */
export interface SessionChoice {
  readonly place: Place;
  readonly which: string;
}
