/**
 * What a program may change is kept before it runs, since it writes without asking. `settle` turns the difference into an
 * undo record; until then, also after a crash, the snapshot is pending and the next one to look settles it.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { syncDirectory, writeAtomic } from "../core/atomic.ts";
import { parseJson } from "../core/canonical.ts";
import { asFault, Fault } from "../core/fault.ts";
import { isAlive, thisProcess } from "../core/owner.ts";
import { check } from "../core/schema.ts";
import { isStateName, type Names, pathText } from "./path.ts";
import { filesPath, type Journal, nextNumber, recordPath } from "./journal.ts";
import { Keeping } from "./kept.ts";
import { type Settlement, settle } from "./settle.ts";
import type { Site } from "./site.ts";
import { type Standing, standingOf, standingSchema } from "./standing.ts";
import { outermost, sweep } from "./sweep.ts";

export interface SnapshotLimits {
  /** Of contents kept. */
  readonly max_bytes: number;
  /** Files, directories and links. */
  readonly max_files: number;
  /** Files, directories and links the program may make so that they are recorded; 200,000 unless given. */
  readonly max_new?: number;
}

export interface Snapshot {
  /** Paths beneath those asked for that are Reeve's own state: to be hidden from the program, since nothing of them is kept. */
  readonly barred: readonly string[];
  /** Paths of files with other names elsewhere, which would change there too: to be left as they are. */
  readonly shared: readonly string[];
  /** Paths of special files, other file systems and what may not be read. */
  readonly noted: readonly string[];
  /** To be called once, when no process of the program is left, whatever became of it. */
  settle(): Promise<Settlement>;
}

const seen = v.strictObject({ path: v.string(), print: v.string(), doubtful: v.boolean(), standing: standingSchema });

const pendingSchema = v.strictObject({
  v: v.literal(1),
  paths: v.array(v.string()),
  barred: v.array(v.string()),
  closed: v.array(v.string()),
  seen: v.array(seen),
});

/** How one path was when the snapshot was taken; `doubtful` when its change time does not tell it from one changed right after. */
export type Seen = v.InferOutput<typeof seen>;
export type Pending = v.InferOutput<typeof pendingSchema>;

/** Numbers of snapshots this process has taken and not settled, by their directory. */
const live = new Set<string>();

/** Durable when it returns. Throws `resource_exhausted` over a limit, and leaves nothing behind then. */
export async function takeSnapshot(site: Site, paths: readonly Names[], limits: SnapshotLimits): Promise<Snapshot> {
  const { journal } = site;
  const number = nextNumber(journal);
  const name = liveName(journal, number);
  live.add(name);
  writeAtomic(ownerPath(journal, number), `${thisProcess()}\n`);
  try {
    const { pending, shared, noted } = await look(site, number, paths, limits);
    writeAtomic(pendingPath(journal, number), `${JSON.stringify(pending)}\n`);
    syncDirectory(join(journal.directory, ".."));
    site.onStep("recorded");
    return {
      barred: pending.barred,
      shared,
      noted,
      settle: async () => {
        try {
          return await settlePending(site, number, pending, limits.max_new);
        } finally {
          live.delete(name);
        }
      },
    };
  } catch (cause) {
    forget(journal, number);
    live.delete(name);
    throw asFault(cause, "the files a program may change cannot be kept for the undo");
  }
}

/**
 * Settles what crashes left pending in a journal. Throws `failed_precondition` while the program of one still runs.
 * What anyone changed since the crash is put down to the program.
 */
export async function settleLeftovers(site: Site): Promise<readonly Settlement[]> {
  const settled: Settlement[] = [];
  for (const number of leftoversOf(site.journal)) {
    const { journal } = site;
    if (isRunning(journal, number)) {
      throw new Fault("failed_precondition", "a program of this run is still running", {
        hint: "wait for it, or cancel the run",
      });
    }
    if (existsSync(pendingPath(journal, number)) && !existsSync(recordPath(journal, number))) {
      settled.push(await settlePending(site, number, readPending(pendingPath(journal, number))));
    } else forget(journal, number);
  }
  return settled;
}

/** Numbers of the snapshots that were taken or begun and not settled, whoever has them; none where there is no journal. */
export function leftoversOf(journal: Journal): readonly number[] {
  if (!existsSync(journal.directory)) return [];
  const numbers = readdirSync(journal.directory).flatMap((name) => {
    const [, number] = /^([0-9]{6,9})\.(?:owner|pack|pending\.json)$/.exec(name) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
  return [...new Set(numbers)].sort((one, other) => one - other);
}

/** The runs beneath an undo area with snapshots whose process is gone, sorted. */
export function unsettledIn(undo: string): readonly string[] {
  if (!existsSync(undo)) return [];
  return readdirSync(undo)
    .filter((run) => {
      const journal = { directory: join(undo, run), call_id: "" };
      return leftoversOf(journal).some((number) => !isRunning(journal, number));
    })
    .sort();
}

/** Whether the process that took the snapshot is still there and has not settled it. */
function isRunning(journal: Journal, number: number): boolean {
  const path = ownerPath(journal, number);
  if (!existsSync(path)) return false;
  const owner = readFileSync(path, "utf8").trim();
  return owner === thisProcess() ? live.has(liveName(journal, number)) : isAlive(owner);
}

async function settlePending(site: Site, number: number, pending: Pending, max_new?: number): Promise<Settlement> {
  const settlement = await settle(site, number, pending, packPath(site.journal, number), max_new);
  forget(site.journal, number);
  return settlement;
}

/** Removes what is of use only while a snapshot is pending, and the kept contents where no record came of them. */
function forget(journal: Journal, number: number): void {
  if (!existsSync(recordPath(journal, number))) rmSync(filesPath(journal, number), { recursive: true, force: true });
  // The owner goes last: as long as it is there somebody will look again.
  for (const path of [pendingPath, packPath, ownerPath]) rmSync(path(journal, number), { force: true });
}

async function look(
  site: Site,
  number: number,
  paths: readonly Names[],
  { max_bytes, max_files }: SnapshotLimits,
): Promise<Pick<Snapshot, "shared" | "noted"> & { readonly pending: Pending }> {
  const keeping = new Keeping(site.journal, number, packPath(site.journal, number));
  const entries: (Omit<Seen, "doubtful"> & { readonly changed_ns: bigint })[] = [];
  const [barred, closed, noted]: [string[], string[], string[]] = [[], [], []];
  const twins = new Map<string, { readonly links: number; readonly paths: string[] }>();
  const forbidden = site.ground.forbidden();
  const outer = outermost(paths);
  let device: string | undefined;
  let bytes = 0;
  try {
    await sweep(site.ground, outer, {
      isBarred: (names, { entry }) => {
        const isOurs = isStateName(names.at(-1) ?? "") || forbidden.has(entry.identity);
        if (isOurs) barred.push(pathText(names));
        return isOurs;
      },
      visit: (directory, names, sighting) => {
        const { entry, print, changed_ns } = sighting;
        const path = pathText(names);
        if (entries.length >= max_files) throw overLimit(`more than ${max_files} files`, "sandbox.undo_files");
        const standing = standingOf(directory, names, sighting, (fd, size) => {
          bytes += size;
          if (bytes > max_bytes) throw overLimit(`more than ${max_bytes} bytes`, "sandbox.undo_bytes");
          return keeping.keep(fd, size);
        });
        device ??= deviceOf(entry.identity);
        if (standing.type === "other" || isUnread(standing) || deviceOf(entry.identity) !== device) noted.push(path);
        entries.push({ path, print, changed_ns, standing });
        if (entry.type === "file" && entry.links > 1) {
          const twin = twins.get(entry.identity) ?? { links: entry.links, paths: [] };
          twins.set(entry.identity, twin);
          twin.paths.push(path);
        }
      },
      onClosed: (names, why) => {
        if (why === "gone") return;
        if (why === "depth") throw tooDeep(names);
        closed.push(pathText(names));
        noted.push(pathText(names));
      },
    });
    keeping.finish();
  } catch (cause) {
    keeping.discard();
    throw cause;
  }
  const now_ns = BigInt(Date.now()) * 1_000_000n;
  const seenAll = entries.map(({ changed_ns, ...each }) => ({ ...each, doubtful: isDoubtful(changed_ns, now_ns) }));
  const pending = {
    v: 1,
    paths: outer.map(pathText),
    barred: barred.sort(),
    closed: closed.sort(),
    seen: seenAll,
  } as const;
  const shared = [...twins.values()].flatMap(({ links, paths: own }) => (own.length < links ? own : []));
  return { pending, shared: shared.sort(), noted: noted.sort() };
}

/**
 * Change times move on by ticks of at most 10 ms: one from before the last tick cannot come again. File systems that
 * count in seconds are known by times without a fraction.
 */
function isDoubtful(changed_ns: bigint, now_ns: bigint): boolean {
  const tick_ns = changed_ns % 1_000_000n === 0n ? 2_000_000_000n : 25_000_000n;
  return changed_ns >= now_ns - tick_ns;
}

function readPending(path: string): Pending {
  try {
    return check(pendingSchema, parseJson(readFileSync(path, "utf8"), "pending snapshot"), "pending snapshot");
  } catch (cause) {
    if (!(cause instanceof Fault)) throw asFault(cause, path);
    throw new Fault("data_loss", `${path} is damaged: ${cause.message}`, {
      hint: "restore it from a backup, or move it away to give up undoing what that program did",
      cause,
    });
  }
}

function isUnread(standing: Standing): boolean {
  return standing.type === "file" && standing.sha256 === null;
}

function deviceOf(identity: string): string {
  return identity.slice(0, identity.indexOf(":"));
}

function pendingPath(journal: Journal, number: number): string {
  return recordPath(journal, number).replace(/\.json$/, ".pending.json");
}

function packPath(journal: Journal, number: number): string {
  return recordPath(journal, number).replace(/\.json$/, ".pack");
}

function ownerPath(journal: Journal, number: number): string {
  return recordPath(journal, number).replace(/\.json$/, ".owner");
}

function liveName(journal: Journal, number: number): string {
  return recordPath(journal, number);
}

function overLimit(what: string, setting: string): Fault {
  return new Fault("resource_exhausted", `what this program may write holds ${what}, too much to keep for the undo`, {
    hint: `name narrower fs_write paths; the operator can raise ${setting}`,
  });
}

function tooDeep(names: Names): Fault {
  return new Fault("failed_precondition", "a directory this program may write is nested more than 256 levels deep", {
    hint: "name narrower fs_write paths",
    data: { depth: names.length },
  });
}
