/** Carries out attacks one after the other on a scratch home, each under a deadline, and says which walls held. */
import { asFault, Fault } from "../core/fault.ts";
import type { Area, Attack, Verdict } from "./attack.ts";
import { Ground, type GroundOptions } from "./ground.ts";
import type { Wall } from "./wall.ts";

export interface Row {
  readonly attack: string;
  readonly title: string;
  readonly wall: Wall;
  /** `inconclusive` is an attack that could not be carried out or took too long: it proves nothing. */
  readonly outcome: "held" | "breached" | "inconclusive";
  readonly seen: string;
  readonly duration_ms: number;
}

export interface Siege {
  readonly rows: readonly Row[];
  /** The scratch directory, when it was to be kept. */
  readonly kept: string | null;
}

export interface SiegeOptions extends GroundOptions {
  readonly areas: readonly Area[];
  readonly keep: boolean;
  readonly signal: AbortSignal;
  /** Told each row as it comes. */
  readonly onRow: (row: Row, done: number, total: number) => void;
  /** Milliseconds after which one attack is given up. */
  readonly deadline_ms?: number;
}

/** The scratch home is gone afterwards, whatever happened, unless it is to be kept. Throws `canceled` when interrupted. */
export async function besiege(options: SiegeOptions): Promise<Siege> {
  const { areas, keep, signal, onRow, deadline_ms = 20_000 } = options;
  const attacks = areas.flatMap((area) => area.attacks);
  const ground = await Ground.make(options);
  try {
    const rows: Row[] = [];
    for (const attack of attacks) {
      if (signal.aborted) throw new Fault("canceled", "the attacks were interrupted", { cause: signal.reason });
      const row = await carryOut(attack, ground, deadline_ms, signal);
      ground.sweep();
      rows.push(row);
      onRow(row, rows.length, attacks.length);
    }
    return { rows, kept: keep ? ground.directory : null };
  } finally {
    await ground.leave(keep);
  }
}

async function carryOut(attack: Attack, ground: Ground, deadline_ms: number, signal: AbortSignal): Promise<Row> {
  const began = performance.now();
  const late = AbortSignal.any([signal, AbortSignal.timeout(deadline_ms)]);
  const verdict = await Promise.race([attack.perform(ground), ended(late)]).catch((thrown: unknown) => asFault(thrown));
  const row = { attack: attack.id, title: attack.title, wall: attack.expects };
  return { ...row, ...outcomeOf(verdict), duration_ms: Math.round(performance.now() - began) };
}

function outcomeOf(verdict: Verdict | Fault): Pick<Row, "outcome" | "seen"> {
  if (verdict instanceof Fault) return { outcome: "inconclusive", seen: verdict.message };
  return { outcome: verdict.held ? "held" : "breached", seen: verdict.seen };
}

function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const give = () => reject(new Fault("deadline_exceeded", "the attack took too long"));
    if (signal.aborted) give();
    signal.addEventListener("abort", give, { once: true });
  });
}
