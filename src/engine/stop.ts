/**
 * The emergency stop: files that keep agents from acting, outside of any model and of any database. One file stands for
 * every agent and one for each agent stopped by itself; that it is there is what counts, whatever it says.
 */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { syncDirectory, writeAtomic } from "../core/atomic.ts";
import { parseJson } from "../core/canonical.ts";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { acquireSync, type Lock } from "../core/lock.ts";
import { check } from "../core/schema.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { type Principal, principalText } from "../define/principal.ts";
import type { Ledger } from "../ledger/ledger.ts";

const orderSchema = v.strictObject({
  /** RFC 3339. */
  at: v.string(),
  by: v.string(),
  reason: v.string(),
  /** The agent that is stopped; null for every agent. */
  agent: v.nullable(v.string()),
});

export type StopOrder = v.InferOutput<typeof orderSchema>;

export interface Stop {
  /** Null for every agent. */
  readonly agent: string | null;
  /** Undefined where the file does not say who stopped and why. */
  readonly order: StopOrder | undefined;
}

const maxFileBytes = 65_536;
const patience_ms = 100;

/** The file that stops an agent, or every agent. */
export function stopFile(home: Home, agent: string | null): string {
  return join(home.state, agent === null ? "stop.json" : `stop-${agent}.json`);
}

/**
 * Why a principal may not act now, or undefined. Asked before every call and every run: without a stop it costs two looks
 * at the file system. What cannot be looked at or read stops too. The operator's own acts are never held up.
 */
export function stopped(home: Home, principal: Principal): Fault | undefined {
  if (principal.kind === "operator") return undefined;
  for (const agent of [null, principal.name]) {
    const found = readStop(stopFile(home, agent));
    if (found === undefined) continue;
    const who = agent === null ? "every agent" : principalText(principal);
    const order = orderOf(found);
    const words = order ? `${who} is stopped since ${order.at} by ${order.by}${because(order)}` : `${who} is stopped`;
    return new Fault("canceled", words, {
      hint: `the operator lets it act again: ${agent === null ? "reeve rearm" : `reeve rearm --agent ${agent}`}`,
    });
  }
  return undefined;
}

/** Every stop in force, that of all agents first. */
export function stopsIn(home: Home): readonly Stop[] {
  const named = readdirSync(home.state).flatMap((name) => /^stop-([a-z0-9_-]{1,64})\.json$/.exec(name)?.[1] ?? []);
  return [null, ...named.sort()].flatMap((agent) => {
    const found = readStop(stopFile(home, agent));
    return found === undefined ? [] : [{ agent, order: orderOf(found) }];
  });
}

/**
 * In force, and on the disk, when this returns. It asks neither ledger nor vault nor state, and on a full disk leaves a
 * file that says nothing, which stops as well. Throws only when there can be no such file at all.
 */
export function engageStop(home: Home, order: StopOrder): void {
  const path = stopFile(home, order.agent);
  const lock = lockIfFree(path);
  try {
    writeAtomic(path, `${JSON.stringify(order)}\n`, 0o600);
  } catch (cause) {
    leaveMark(home, path, cause);
  } finally {
    lock?.release();
  }
}

/**
 * Lets agents act again: those stopped together, or the one stopped by itself. It is in the ledger before it counts.
 * Throws `failed_precondition` when no such stop is in force or it was engaged anew meanwhile, and the ledger's faults.
 */
export async function releaseStop(
  { home, ledger }: { readonly home: Home; readonly ledger: Ledger },
  agent: string | null,
  by: Principal,
): Promise<Stop> {
  const path = stopFile(home, agent);
  const found = readStop(path);
  if (found === undefined) throw notStopped(home, agent);
  const order = orderOf(found);
  const payload = { agent, order: order ?? null, sha256: digestOf(found) };
  await ledger.append({ type: "stop.released", actor: principalText(by), run: null, payload });
  const lock = acquireSync(`${path}.lock`, patience_ms);
  try {
    const now = readStop(path);
    if (now !== undefined && digestOf(now) !== digestOf(found)) {
      throw new Fault("failed_precondition", "it was stopped anew in the meantime", {
        hint: "find out who did and why, then rearm again",
      });
    }
    rmSync(path, { force: true });
    syncDirectory(home.state);
  } finally {
    lock.release();
  }
  return { agent, order };
}

/** Whose stop it is, what was done about the runs in progress, in the ledger. */
export async function recordStop(
  ledger: Ledger,
  order: StopOrder,
  runs: { readonly ended: readonly string[]; readonly killed: readonly string[] },
): Promise<void> {
  const { at, by, reason, agent } = order;
  const payload = { at, reason, agent, ended: [...runs.ended], killed: [...runs.killed] };
  await ledger.append({ type: "stop.engaged", actor: by, run: null, payload });
}

/** The bytes of a stop file, null for one that cannot be read, undefined where there is none. */
function readStop(path: string): Buffer | null | undefined {
  try {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts) return undefined;
    return facts.isFile() && facts.size <= maxFileBytes ? readFileSync(path) : null;
  } catch (cause) {
    if (systemErrorName(cause) === undefined) throw cause;
    // Released between the two looks; anything else that keeps us from reading it must not set agents free.
    return systemErrorName(cause) === "ENOENT" ? undefined : null;
  }
}

function orderOf(found: Buffer | null): StopOrder | undefined {
  if (found === null) return undefined;
  try {
    return check(orderSchema, parseJson(found.toString("utf8")), "the stop file");
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}

function digestOf(found: Buffer | null): string {
  return found === null ? "unreadable" : sha256Hex(found);
}

function because({ reason }: StopOrder): string {
  return reason === "" ? "" : `: ${reason}`;
}

/** Keeps a release from taking a newer stop away; a stop does not wait for more than that. */
function lockIfFree(path: string): Lock | undefined {
  try {
    return acquireSync(`${path}.lock`, patience_ms);
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}

/** A name takes no space where content does. A file that is there already stays as it is. */
function leaveMark(home: Home, path: string, cause: unknown): void {
  try {
    closeSync(openSync(path, "a", 0o600));
    syncDirectory(home.state);
  } catch (second) {
    if (readStop(path) !== undefined) return;
    const { code, hint } = asFault(second, path);
    const words = `agents could not be kept from starting: ${asFault(cause, path).message}`;
    throw new Fault(code, words, { ...(hint === undefined ? {} : { hint }), cause });
  }
}

function notStopped(home: Home, agent: string | null): Fault {
  const others = stopsIn(home).map((each) =>
    each.agent === null ? "reeve rearm" : `reeve rearm --agent ${each.agent}`,
  );
  const words = agent === null ? "no stop of every agent is in force" : `agent:${agent} is not stopped by itself`;
  return new Fault("failed_precondition", words, {
    hint: others.length ? `in force are others: ${others.join(", ")}` : "nothing is stopped",
  });
}
