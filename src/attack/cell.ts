/** Where a program of an agent tries to get out: a directory it may write, a file outside, and what came of the program. */
import { chmodSync, chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { agent } from "../define/principal.ts";
import type { Engine } from "../engine/engine.ts";
import { launcher } from "../sandbox/launch/program.ts";
import type { Segment, Step } from "../sandbox/launch/steps.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { architectureOf } from "../sandbox/syscalls.ts";
import type { Tier } from "../sandbox/tier.ts";
import { programUid } from "../workspace/owner.ts";
import { type Attack, unless, type Verdict } from "./attack.ts";
import type { Ground } from "./ground.ts";

export interface Heard {
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended_by: string;
}

export interface Cell {
  readonly ground: Ground;
  /** The program's directory in the workspace: its name there, where it is, and where the program finds it. */
  readonly name: string;
  readonly path: string;
  readonly inside: string;
  /** A file outside with a canary in it, and the directory it is in. */
  readonly victim: string;
  readonly beyond: string;
  readonly canary: string;
  /** Runs a program that may read the workspace and write its directory. */
  run(argv: readonly string[], more?: { readonly [field: string]: Json }): Promise<Heard>;
  sh(line: string, more?: { readonly [field: string]: Json }): Promise<Heard>;
}

export type Escape = Omit<Attack, "area" | "perform"> & { readonly play: (cell: Cell) => Promise<Verdict> };

const tiers = new WeakMap<Ground, Promise<Tier>>();

/** What confines programs on this machine, apart from any wall left out. */
function tierOf(ground: Ground): Promise<Tier> {
  const { tier, image, engine_socket } = ground.engine.config.sandbox;
  const found =
    tiers.get(ground) ??
    new Sandbox({ binary: process.execPath, tier, image, engine_socket }).tier().then((facts) => facts.tier);
  tiers.set(ground, found);
  return found;
}

/** Each escape as an attack. Where nothing confines a program none is started, and where its walls cannot be built it is refused: both hold. */
export function escapes(plays: readonly Escape[]): readonly Omit<Attack, "area">[] {
  return plays.map(({ play, ...attack }) => ({
    ...attack,
    perform: async (ground) => {
      const tier = await tierOf(ground);
      if (tier === "none") return { held: true, seen: "this machine confines no programs, so none is started" };
      try {
        return await play(cellIn(ground));
      } catch (thrown) {
        const isRefused = thrown instanceof Fault && thrown.code === "failed_precondition";
        if (tier === "bwrap" || !isRefused) throw thrown;
        return { held: true, seen: `the program was refused: ${thrown.message}` };
      }
    },
  }));
}

function cellIn(ground: Ground): Cell {
  const { name, path } = ground.patch();
  giveToPrograms(ground, path);
  const canary = `canary of ${name}`;
  const { directory: beyond, path: victim } = ground.beyond(canary);
  const run: Cell["run"] = (argv, more = {}) =>
    exec(ground.engine, { argv: [...argv], ring: 1, fs_read: ["."], fs_write: [name], ...more });
  const sh: Cell["sh"] = (line, more) => run(["sh", "-c", line], more);
  return { ground, name, path, inside: `/work/${name}`, victim, beyond, canary, run, sh };
}

/** Rights of files are not to be what keeps a program from it, whoever it runs as. */
export function giveToPrograms({ home, engine }: Ground, path: string): void {
  const { uid, gid } = programUid(home.root, engine.config.sandbox.uid);
  if (process.getuid?.() === 0) chownSync(path, uid, gid);
  chmodSync(path, 0o777);
}

/** Throws the fault of a program that could not be started. */
export async function exec(engine: Engine, input: { readonly [field: string]: Json }): Promise<Heard> {
  const result = await engine.call(agent("jailed"), "sandbox.exec", input);
  if (result.ok) return result.output as unknown as Heard;
  const { code, message } = result.fault;
  throw new Fault(code, message);
}

const done = "carried out";

/**
 * A program without an interpreter or a library: these system calls, each of which must succeed, and the word for it.
 * Written into the cell's directory.
 */
export function carryOut(cell: Cell, steps: (data: Segment) => readonly Step[]): Promise<Heard> {
  writeFileSync(join(cell.path, "program"), programOf(steps), { mode: 0o755 });
  return cell.run([`${cell.inside}/program`]);
}

export function programOf(steps: (data: Segment) => readonly Step[]): Uint8Array {
  const architecture = architectureOf();
  if (!architecture) throw new Fault("failed_precondition", `there is no program for ${process.arch}`);
  const plan = (data: Segment): readonly Step[] => [
    ...steps(data),
    { call: "write", arguments: [1, data.text(done), done.length] },
    { call: "exit_group", arguments: [0] },
  ];
  return launcher(architecture, 2, plan, 0).bytes;
}

/** Whether all the calls were made. Throws when the program neither made them nor failed at one. */
export function carriedOut({ stdout, exit_code, signal }: Heard): boolean {
  if (exit_code === null) throw new Error(`the program was ended by ${signal}`);
  return stdout.startsWith(done);
}

/** The verdict on what a program printed. */
export function told({ stdout }: Heard, secret: string): Verdict {
  return unless(stdout.includes(secret), "the program read it");
}
