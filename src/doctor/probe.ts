/** The noun of the doctor: a probe looks at one thing for real and says what it found; it changes nothing itself. */
import type { Clock } from "../core/clock.ts";
import type { Home } from "../core/home.ts";
import type { Provider } from "../define/provider.ts";
import type { Tool } from "../define/tool.ts";

/** What is examined, and with what. */
export interface Patient {
  readonly home: Home;
  readonly tools: readonly Tool[];
  readonly providers: readonly Provider[];
  readonly version: string;
  readonly clock: Clock;
  /** Asked for at most once, and only when the vault's key is wrapped. */
  readonly passphrase: () => Promise<string | undefined>;
  /** Where keys of providers may be taken from besides the vault; nowhere when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Whether addresses in the network may be asked. */
  readonly online?: boolean;
}

export type Status = "ok" | "warn" | "fail";

/** `fix`, where there is one, does only what cannot lose anything, and returns a sentence that says what it did. */
export interface Observation {
  readonly status: Status;
  readonly message: string;
  readonly hint?: string;
  readonly fix?: () => Promise<string> | string;
}

/** `needs_home` probes are left out where no home was made. A thrown fault counts as the observation `fail`. */
export interface Probe {
  readonly name: string;
  readonly needs_home: boolean;
  readonly examine: (patient: Patient) => Promise<readonly Observation[]> | readonly Observation[];
}

export function ok(message: string): Observation {
  return { status: "ok", message };
}
