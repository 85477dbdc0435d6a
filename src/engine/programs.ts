/**
 * Programs for tools: walls from what was decided, what may change kept for the undo before, and an entry in the ledger for
 * each execution. Whatever cannot be walled off, kept or recorded refuses the program.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { refuseNul, utf8 } from "../core/text.ts";
import type { Config } from "../config/settings.ts";
import type { Program, ProgramFacts } from "../define/handles.ts";
import { principalText } from "../define/principal.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ResourceRequest } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import { isUniform } from "../policy/uniform.ts";
import type { Limits } from "../sandbox/limits.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { steersPrograms } from "../shell/variables.ts";
import type { Scrubber } from "../vault/scrub.ts";
import { programUid } from "../workspace/owner.ts";
import type { Snapshot } from "../workspace/snapshot.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { LiveOutput } from "./live-output.ts";
import { closedTo } from "./masks.ts";
import type { CallScope } from "./scope.ts";
import type { WayOut } from "./way-out.ts";

export interface ProgramGround {
  readonly sandbox: Pick<Sandbox, "tier" | "execute">;
  readonly settings: Config["sandbox"];
  readonly workspace: Workspace;
  /** Absolute directories of Reeve's own. */
  readonly own: readonly string[];
  readonly ledger: Ledger;
  readonly policy: () => Policy;
  readonly scrubber: () => Scrubber;
  readonly now: () => number;
  /** Whether files that a tainted run wrote lie at a path or beneath it. */
  readonly isStrange: (path: string) => boolean;
  /** From now on what the run wrote and writes is a stranger's, durably. */
  readonly mark: (run: string) => void;
  readonly wayOut: (scope: CallScope, permits: Permits, program: Program, user: User) => Promise<WayOut>;
}

type User = ReturnType<typeof programUid>;

export type Permits = (resource: ResourceRequest) => boolean;

/** Runs one program for a call, as `SandboxHandle` says. */
export async function runProgram(
  ground: ProgramGround,
  scope: CallScope,
  permits: Permits,
  program: Program,
): Promise<ProgramFacts> {
  checkWords(program);
  const { sandbox, settings, workspace } = ground;
  const read = placesOf(ground, permits, "fs.read", program.fs_read ?? []);
  const write = placesOf(ground, permits, "fs.write", program.fs_write);
  for (const path of write) requireUniform(ground, scope, path);
  for (const place of program.network) requireCovered(permits, "http.request", "endpoint", `CONNECT ${place}`);
  const { tier, why, hint } = await sandbox.tier();
  if (tier === "none") {
    throw new Fault("failed_precondition", `no program can be confined here: ${why.join("; ")}`, hint ? { hint } : {});
  }
  for (const path of [...read, ...write]) {
    if (!ground.isStrange(path)) continue;
    scope.taint.met(scope.call_id, { untrusted: true, private: false }, path);
    ground.mark(scope.run_id);
  }
  const kept = write.length > 0 ? await keep(ground, scope, write) : undefined;
  const user = programUid(workspace.root, settings.uid);
  let way: WayOut | undefined;
  const clean = (text: string) => (way ? way.scrubber.text(text) : text);
  const output = new LiveOutput(ground.scrubber, (stream, text) =>
    scope.tell({ type: "tool.output", call_id: scope.call_id, stream, text: clean(text) }),
  );
  let isSettled = false;
  const settle = async () => {
    isSettled = true;
    return kept?.settle();
  };
  try {
    way = program.network.length > 0 ? await ground.wayOut(scope, permits, program, user) : undefined;
    const closed = closedTo(ground, scope, permits, [...read, ...write]);
    const walls = {
      workspace: program.fs_read === null ? null : workspace.root,
      read: read.filter((path) => !write.includes(path)),
      write,
      fixed: fixedOf(kept),
      hidden: [...new Set([...closed, ...(kept?.barred ?? [])])],
      cwd: program.fs_read === null ? "." : workspace.relative(program.cwd),
      env: { LANG: "C.UTF-8", ...program.env },
      files: Object.fromEntries(Object.entries(program.files).map(([name, text]) => [name, utf8(text)])),
      system: settings.system_paths,
      proxy: way ? { socket: way.socket, url: way.url } : null,
      limits: limitsOf(settings, program),
    };
    const done = await sandbox.execute(program.argv, walls, {
      stdin: program.stdin === null ? null : utf8(program.stdin),
      signal: scope.signal,
      user,
      onOutput: (stream, chunk) => output.add(stream, chunk),
    });
    const settled = await settle();
    const changed = (settled?.changed ?? []).map(({ path }) => path);
    const { exit_code, signal, ended_by, profile_sha256 } = done;
    await record(ground, scope, { tier, profile_sha256, exit_code, signal, ended_by, changed: changed.length });
    return { ...done, stdout: clean(done.stdout), stderr: clean(done.stderr), changed };
  } finally {
    if (!isSettled) await settle();
    output.end();
    await way?.close();
  }
}

async function record(ground: ProgramGround, scope: CallScope, facts: Readonly<Record<string, Json>>): Promise<void> {
  const payload = { call: scope.call_id, ...facts };
  await ground.ledger.append({
    type: "sandbox.exec",
    actor: principalText(scope.principal),
    run: scope.run_id,
    payload,
  });
}

/** Variables that decide what runs are nobody's to give, and those the walls set are not to be set again. */
function checkWords({ argv, env, files }: Program): void {
  for (const word of argv) refuseNul(word, "an argument");
  for (const [name, value] of Object.entries(env)) {
    refuseNul(value, name);
    if (!steersPrograms(name) && !/^(?:HOME|PATH|USER|PWD|OLDPWD|SHLVL|_)$/.test(name)) continue;
    throw new Fault("permission_denied", `the variable ${name} decides what runs and cannot be given to a program`, {
      hint: "pass it as an argument of the program, or leave it out",
    });
  }
  for (const name of Object.keys(files)) {
    if (!/^[a-z][a-z0-9._-]{0,63}$/.test(name))
      throw new Fault("internal", "a file given to a program has no plain name");
  }
}

/** Paths in their canonical form, each covered by the decision and there. */
function placesOf(
  { workspace }: ProgramGround,
  permits: Permits,
  capability: "fs.read" | "fs.write",
  paths: readonly string[],
): readonly string[] {
  const canonical = [...new Set(paths.map((path) => workspace.relative(path)))];
  for (const path of canonical) {
    requireCovered(permits, capability, "path", path);
    if (lstatSync(join(workspace.root, path), { throwIfNoEntry: false })) continue;
    throw new Fault("not_found", `there is no ${JSON.stringify(path)} in the workspace`, {
      hint: "name a directory that is there, or make it first",
    });
  }
  return canonical;
}

function requireCovered(permits: Permits, capability: string, kind: ResourceRequest["kind"], value: string): void {
  if (permits({ capability, kind, value })) return;
  throw new Fault("permission_denied", `${capability} on ${JSON.stringify(value)} is not covered by what was decided`, {
    hint: "name it in the call, so that policy is asked about it",
  });
}

/** A program writes without asking, so a path it may write is one of which policy says nothing finer. */
function requireUniform(ground: ProgramGround, scope: CallScope, path: string): void {
  const { principal, links } = scope;
  const use = { principal, links, capability: "fs.write", now_ms: ground.now() };
  if (isUniform(ground.policy(), use, path)) return;
  if (lstatSync(join(ground.workspace.root, path)).isFile()) return;
  throw new Fault("permission_denied", `policy speaks of single paths beneath ${JSON.stringify(path)}`, {
    hint: "name a narrower directory in fs_write, all of which may be written",
  });
}

/** What may change is kept, durably, before anything can change it. */
function keep({ workspace, settings }: ProgramGround, scope: CallScope, paths: readonly string[]): Promise<Snapshot> {
  const { run_id, call_id } = scope;
  return workspace.snapshot({
    run_id,
    call_id,
    paths,
    max_bytes: settings.undo_bytes,
    max_files: settings.undo_files,
  });
}

/** More single mounts than this are not made for one program. */
const maxFixed = 256;

/** Files that would change somewhere else too, where nothing is kept and nobody asked. */
function fixedOf(kept: Snapshot | undefined): readonly string[] {
  const fixed = kept?.shared ?? [];
  if (fixed.length <= maxFixed) return fixed;
  throw new Fault(
    "resource_exhausted",
    `of ${fixed.length} files this program may write there are other names elsewhere`,
    {
      hint: "name narrower fs_write paths, without files that were linked from somewhere else, as package stores do",
    },
  );
}

function limitsOf(settings: Config["sandbox"], { timeout_ms, max_output_bytes }: Program): Limits {
  const { memory_bytes, processes, cpu_ms, file_bytes, open_files, output_bytes, tmp_bytes } = settings;
  const own = { memory_bytes, processes, cpu_ms, file_bytes, open_files, output_bytes, tmp_bytes };
  return { ...own, kept_bytes: max_output_bytes, wall_ms: timeout_ms };
}
