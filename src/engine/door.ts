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
import type { Quarantine } from "./quarantine.ts";
import type { TaintWatch } from "./outward.ts";
import type { RunScope } from "./scope.ts";

export interface Door {
  readonly catalogue: Catalogue;
  readonly ledger: Ledger;
  readonly home: Home;
  readonly approvals: ApprovalStore;
  readonly quarantine: Quarantine;
  /** How an answer becomes a call. */
  readonly taking: Taking;
  /** How long an approval may be answered, in milliseconds. */
  readonly approval_expiry_ms: number;
  readonly clock: Clock;
  readonly mint: Mint;
  readonly policy: () => Policy;
  readonly decide: typeof decide;
  readonly scrubber: () => Scrubber;
  readonly watch: TaintWatch;
  /** A path argument as policy knows it: relative to the workspace, without dots; throws for one that leaves it. */
  readonly canonicalPath: (path: string) => string;
  /** A method and a URL as policy knows them, `GET api.example.org:443/x`; throws for a URL that may mean two places. */
  readonly endpoint: (method: string, url: string) => string;
  /** Why nobody may act now, when the operator stopped this principal. */
  readonly stopped: (principal: Principal) => Fault | undefined;
  /** Why no program can be confined on this machine, or undefined; found out when it is first asked, by doing. */
  readonly walls: () => Promise<string | undefined>;
  /** Milliseconds a call may take when its tool does not say. */
  readonly tool_timeout_ms: number;
}

/** One call on its way through. */
export interface Attempt {
  readonly door: Door;
  readonly scope: RunScope;
  readonly call_id: string;
}
