/**
 * A workspace: the directory an agent's files live in, pinned by device and inode when it is opened. All access goes
 * through handles made for one call each; undo is the operator's.
 */
import { closeSync, constants, openSync, readlinkSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import type { WorkspaceHandle } from "../define/handles.ts";
import { at, entryAt, entryOf, type Ground, openDirectory } from "./descend.ts";
import { handleOn } from "./handle.ts";
import { journalOf } from "./journal.ts";
import { type FileOwner, type Given, giveTree } from "./owner.ts";
import { isStateName, type Names, parsePath, pathText } from "./path.ts";
import type { Access, Site, Step } from "./site.ts";
import type { Settlement } from "./settle.ts";
import { settleLeftovers, type Snapshot, type SnapshotLimits, takeSnapshot, unsettledIn } from "./snapshot.ts";
import { undoJournals } from "./undo.ts";
import { digestOf } from "./view.ts";
import { writtenFiles } from "./written.ts";

export interface WorkspaceOptions {
  /** Absolute. Its last component must not be a link. */
  readonly root: string;
  /** Absolute directories never entered, known by device and inode; those that do not exist yet are looked up later. */
  readonly forbidden: readonly string[];
  /** Absolute directory of the undo records; made when first needed. */
  readonly undo: string;
  /** Told each step of a mutation as it is reached. For crash tests. */
  readonly onStep?: (step: Step) => void;
}

export interface HandleOptions {
  readonly run_id: string;
  readonly call_id: string;
  /** False refuses every mutation. */
  readonly mutable: boolean;
  /** Asked about every path touched, in canonical form relative to the workspace. */
  readonly permits: (access: Access, path: string) => boolean;
}

export interface Workspace {
  /** As given when it was opened. */
  readonly root: string;
  /** The canonical relative form of a path, as policy knows it. Throws as the lexical guard does; touches no disk. */
  relative(path: string): string;
  handle(options: HandleOptions): WorkspaceHandle;
  /**
   * Keeps what a program may change beneath the paths, durable when it returns. Throws `resource_exhausted` over a limit,
   * and for the paths as the guard does.
   */
  snapshot(options: SnapshotOptions): Promise<Snapshot>;
  /** Settles what crashes left of a run's snapshots. Throws `failed_precondition` while a program of it runs. */
  settle(run_id: string): Promise<readonly Settlement[]>;
  /** Runs with a snapshot that nobody is going to settle, sorted. */
  unsettled(): readonly string[];
  /** The files a run wrote, by its undo records with a number above `after`. */
  written(run_id: string, after?: number): ReturnType<typeof writtenFiles>;
  /** SHA-256 of what a file holds now; undefined for what is no regular file or may not be entered. */
  digest(path: string): string | undefined;
  /** Gives what belongs to root here to another user. */
  give(owner: FileOwner): Promise<Given>;
  /** See `undoRun`; what is not settled is refused. */
  undo(run_ids: readonly string[], options: UndoOptions): readonly string[];
}

export interface SnapshotOptions extends SnapshotLimits {
  readonly run_id: string;
  readonly call_id: string;
  /** As `relative` takes them; one that is not there holds nothing. */
  readonly paths: readonly string[];
}

export interface UndoOptions {
  /** Also where something else changed since; what is overwritten then is itself recorded. */
  readonly force?: boolean;
  /** The run under which the undo's own mutations are recorded; a new id when absent. */
  readonly as?: { readonly run_id: string; readonly call_id: string };
}

/**
 * Opens a workspace. Throws `not_found` when there is no such directory, `permission_denied` when it is a link,
 * `failed_precondition` when it lies inside a forbidden directory or this system cannot open files without following links.
 */
export function openWorkspace(options: WorkspaceOptions): Workspace {
  if (!isAbsolute(options.root)) throw new Fault("invalid_argument", "the workspace root is not an absolute path");
  requireNoFollow();
  const forbidden = () => identitiesOf(options.forbidden);
  const { identity, spelling } = pin(options.root, forbidden());
  const ground: Ground = { root: options.root, identity, forbidden };
  const roots = [options.root, spelling];
  const parse = (path: string): Names => parsePath(path, roots);
  const siteOf = (run_id: string, call_id: string, require: Site["require"]): Site => ({
    ground,
    journal: journalOf(options.undo, run_id, call_id),
    require,
    onStep: options.onStep ?? (() => undefined),
  });
  return {
    root: options.root,
    relative: (path) => pathText(parse(path)),
    handle: ({ run_id, call_id, mutable, permits }) =>
      handleOn(siteOf(run_id, call_id, requirement(mutable, permits)), parse),
    snapshot: ({ run_id, call_id, paths, ...limits }) =>
      takeSnapshot(
        siteOf(run_id, call_id, () => undefined),
        paths.map(parse),
        limits,
      ),
    unsettled: () => unsettledIn(options.undo),
    written: (run_id, after) => writtenFiles(journalOf(options.undo, run_id, ""), after),
    digest: (path) => digestOf(ground, path),
    give: (owner) => giveTree(ground, owner),
    settle: (run_id) => settleLeftovers(siteOf(run_id, "settle", () => undefined)),
    undo: (run_ids, { force = false, as = { run_id: newId(), call_id: "undo" } }) =>
      undoJournals(
        siteOf(as.run_id, as.call_id, () => undefined),
        run_ids.map((run_id) => journalOf(options.undo, run_id, as.call_id)),
        force,
      ),
  };
}

/**
 * Puts back what a run changed, or several as one, newest change first, and returns the paths put back. Throws
 * `failed_precondition` naming the paths that changed since, before touching any, unless forced. Repeating it, also after a
 * crash, does no harm.
 */
export function undoRun(
  workspace: Workspace,
  run_id: string | readonly string[],
  options: UndoOptions = {},
): readonly string[] {
  return workspace.undo(typeof run_id === "string" ? [run_id] : run_id, options);
}

function requirement(mutable: boolean, permits: HandleOptions["permits"]): Site["require"] {
  return (access, names) => {
    const path = pathText(names);
    if (access !== "read" && !mutable) {
      throw new Fault("permission_denied", `this call may only read, not ${access} ${JSON.stringify(path)}`, {
        hint: "use a tool whose effect is write",
      });
    }
    if (permits(access, path)) return;
    throw new Fault("permission_denied", `the grants of this call do not cover ${access} of ${JSON.stringify(path)}`, {
      hint: "see reeve policy explain",
      data: { access, path },
    });
  };
}

/** The guard stands on O_NOFOLLOW and /proc; where either does not do its work nothing may be opened at all. */
function requireNoFollow(): void {
  try {
    closeSync(openSync("/proc/self/root", constants.O_RDONLY | constants.O_NOFOLLOW));
  } catch (cause) {
    if (systemErrorName(cause) === "ELOOP") return;
    throw new Fault("failed_precondition", "/proc is not available", { hint: "mount /proc", cause });
  }
  throw new Fault("failed_precondition", "this system follows links even when told not to", {
    hint: "run Reeve on Linux",
  });
}

/** The identity of the root and the kernel's spelling of it. Throws when it is, or lies in, a forbidden directory. */
function pin(root: string, forbidden: ReadonlySet<string>): { readonly identity: string; readonly spelling: string } {
  let directory: number;
  try {
    directory = openDirectory(root);
  } catch (cause) {
    const link = systemErrorName(cause) === "ENOTDIR";
    if (link) {
      throw new Fault("permission_denied", `the workspace ${JSON.stringify(root)} is a link or a file`, {
        hint: "set workspace.root to the real directory",
        cause,
      });
    }
    throw asFault(cause, `workspace ${JSON.stringify(root)}`);
  }
  try {
    const spelling = readlinkSync(`/proc/self/fd/${directory}`);
    if (spelling.split("/").some(isStateName) || isBeneath(directory, forbidden)) {
      throw new Fault("failed_precondition", "the workspace lies inside reeve's own state", {
        hint: "set workspace.root to a directory of its own",
      });
    }
    return { identity: entryAt(directory).identity, spelling };
  } finally {
    closeSync(directory);
  }
}

/** True when an open directory or one above it is forbidden, by identity and whatever its spelling. */
function isBeneath(directory: number, forbidden: ReadonlySet<string>): boolean {
  const { identity } = entryAt(directory);
  if (forbidden.has(identity)) return true;
  const parent = openDirectory(at(directory, ".."));
  try {
    return entryAt(parent).identity !== identity && isBeneath(parent, forbidden);
  } finally {
    closeSync(parent);
  }
}

function identitiesOf(directories: readonly string[]): ReadonlySet<string> {
  const found = directories.map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return new Set(found.flatMap((stats) => (stats ? [entryOf(stats).identity] : [])));
}
