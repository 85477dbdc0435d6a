/** What the door stands between: made once when a home is opened. */
import type { Clock } from "../core/clock.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { decide } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { Fault } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import type { Principal } from "../define/principal.ts";
import type { ApprovalStore } from "../store/approvals.ts";
import type { Scrubber } from "../vault/scrub.ts";
import type { Taking } from "./approvals.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Mint } from "./mint.ts";
import type { RunScope } from "./scope.ts";

export interface Door {
  readonly catalogue: Catalogue;
  readonly ledger: Ledger;
  readonly home: Home;
  readonly approvals: ApprovalStore;
  /** How an answer becomes a call. */
  readonly taking: Taking;
  /** How long an approval may be answered, in milliseconds. */
  readonly approval_expiry_ms: number;
  readonly clock: Clock;
  readonly mint: Mint;
  readonly policy: () => Policy;
  readonly decide: typeof decide;
  readonly scrubber: () => Scrubber;
  /** A path argument as policy knows it: relative to the workspace, without dots; throws for one that leaves it. */
  readonly canonicalPath: (path: string) => string;
  /** Why nobody may act now, when the operator stopped this principal. */
  readonly stopped: (principal: Principal) => Fault | undefined;
  /** Milliseconds a call may take when its tool does not say. */
  readonly tool_timeout_ms: number;
}

/** One call on its way through. */
export interface Attempt {
  readonly door: Door;
  readonly scope: RunScope;
  readonly call_id: string;
}
