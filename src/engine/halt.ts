/** Ends the runs that others drive: asks first, and kills the process of one that does not listen. Needs `state.db` alone. */
import { existsSync, readdirSync } from "node:fs";
import { type Clock, systemClock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { isAlive, killOwner, pidOf, thisProcess } from "../core/owner.ts";
import { type RunRow, RunStore } from "../store/runs.ts";
import { StateFile } from "../store/state.ts";

export interface Halted {
  /** Runs that ended or were let go of when asked. */
  readonly ended: readonly string[];
  readonly killed: readonly KilledProcess[];
  /** What still goes on, and why it could not be ended. */
  readonly alive: readonly { readonly pid: string; readonly runs: readonly string[]; readonly why: string }[];
}

interface KilledProcess {
  readonly pid: string;
  /** Every run it drove; the next start gives them their end. */
  readonly runs: readonly string[];
}

const poll_ms = 20;
/** How long a killed process may take to be gone. */
const death_ms = 80;
/** A process that hangs in the middle of a write must not hold up its own end. */
const busy_ms = 100;

/** Ends the runs in progress, of one agent or, with null, all of them; a process is given `patience_ms` to end its own. */
export async function haltRuns(
  home: Home,
  agent: string | null,
  options: { readonly patience_ms: number; readonly clock?: Clock },
): Promise<Halted> {
  if (!existsSync(home.database)) {
    // A home in which nothing was ever begun has none.
    if (!existsSync(home.runs) || readdirSync(home.runs).length === 0) return { ended: [], killed: [], alive: [] };
    throw new Fault("not_found", `${home.database} is missing, so it is not known what runs`, {
      hint: "look for its processes yourself",
    });
  }
  const clock = options.clock ?? systemClock;
  const file = new StateFile(home.database);
  try {
    file.rows(`PRAGMA busy_timeout = ${busy_ms}`, []);
    return await halt(new RunStore(file), agent, clock.monotonic() + options.patience_ms, clock);
  } finally {
    file.close();
  }
}

async function halt(runs: RunStore, agent: string | null, until: number, clock: Clock): Promise<Halted> {
  const asked = new Set<string>();
  let driven = await drivenRuns(runs, agent);
  while (driven.length > 0) {
    for (const { id } of driven) if (!asked.has(id)) await ask(runs, id, asked);
    if (clock.monotonic() >= until) break;
    await Bun.sleep(poll_ms);
    driven = await drivenRuns(runs, agent);
  }
  const killed: KilledProcess[] = [];
  const alive: Halted["alive"][number][] = [];
  for (const owner of new Set(driven.map((row) => row.owner))) {
    const open = (await runs.open()).filter((row) => row.owner === owner);
    if (!open.some((row) => isMeant(row, agent))) continue;
    const process = { pid: pidOf(owner), runs: open.map((row) => row.id) };
    const why = await kill(owner, clock);
    if (why) alive.push({ ...process, why });
    else killed.push(process);
    if (!why) for (const { id } of open) await letGo(runs, id, owner);
  }
  const others = new Set([...killed, ...alive].flatMap((each) => each.runs));
  return { ended: [...asked].filter((id) => !others.has(id)), killed, alive };
}

/** Runs that a living process other than this one drives. */
async function drivenRuns(runs: RunStore, agent: string | null): Promise<readonly RunRow[]> {
  const open = await runs.open();
  return open.filter((row) => isMeant(row, agent) && row.owner !== thisProcess() && isAlive(row.owner));
}

function isMeant({ principal }: RunRow, agent: string | null): boolean {
  return agent === null || principal === `agent:${agent}`;
}

async function ask(runs: RunStore, id: string, asked: Set<string>): Promise<void> {
  asked.add(id);
  await unlessBusy(() => runs.requestCancel(id));
}

/** Shows the run as cut off; the next start, which sees that its process is gone, would do the same. */
async function letGo(runs: RunStore, id: string, owner: string): Promise<void> {
  const row = await runs.get(id);
  if (row?.owner === owner) await unlessBusy(() => runs.release(id));
}

/** Whoever holds the database keeps others from writing, not from being killed. */
async function unlessBusy(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code === "internal") throw thrown;
  }
}

/** Undefined when the process is gone, else why it is not. */
async function kill(owner: string, clock: Clock): Promise<string | undefined> {
  try {
    if (!killOwner(owner) && isAlive(owner)) return "it runs where it cannot be reached from here";
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
  for (const until = clock.monotonic() + death_ms; isAlive(owner); await Bun.sleep(5)) {
    if (clock.monotonic() >= until) return "it was killed and is not gone yet";
  }
  return undefined;
}
