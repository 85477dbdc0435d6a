/**
 * Files written by runs that had read untrusted text. They are known by their content, so a copy or a file moved elsewhere
 * is one too, and one that was written over is none any more. Whoever reads one has read untrusted text.
 */
import { rfc3339 } from "../core/clock.ts";
import type { QuarantineRow } from "../store/quarantine.ts";
import type { MovedDirectory, WrittenFile } from "../workspace/written.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { RunKeeper } from "./run.ts";

/** What an empty file holds tells nobody anything. */
const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export class Quarantine {
  readonly #keeper: Pick<RunKeeper, "quarantine" | "clock">;
  readonly #workspace: Workspace;
  /** Up to which undo record each run that is not marked was looked at. */
  readonly #seen = new Map<string, number>();

  constructor(keeper: Pick<RunKeeper, "quarantine" | "clock">, workspace: Workspace) {
    this.#keeper = keeper;
    this.#workspace = workspace;
  }

  /** A run has untrusted text in its context now: what it wrote and what it writes from now on belongs here. */
  mark(run_id: string): void {
    if (this.#keeper.quarantine.seen(run_id) === undefined) this.#follow(run_id, 0);
  }

  /**
   * To be called after each call that may have written. A run that is not marked adds only what it made out of files
   * that belong here: appended to, moved, or changed by a program.
   */
  wrote(run_id: string): void {
    const { quarantine } = this.#keeper;
    const seen = quarantine.seen(run_id);
    if (seen !== undefined) this.#follow(run_id, seen);
    if (seen !== undefined || quarantine.isEmpty()) return;
    const { files, moved, last } = this.#workspace.written(run_id, this.#seen.get(run_id));
    this.#carry(moved);
    for (const file of files) {
      const contents = file.of_sha256 === null ? [file.sha256] : [file.sha256, file.of_sha256];
      const [origin] = contents.flatMap((sha256) => quarantine.runsOf(sha256));
      if (origin !== undefined) this.#add(origin, [file]);
    }
    this.#seen.set(run_id, last);
  }

  /** What a run has put back so far is made out of nothing that it took away; what of it belongs here is known already. */
  restored(run_id: string): void {
    if (this.#keeper.quarantine.seen(run_id) !== undefined) return;
    this.#seen.set(run_id, this.#workspace.written(run_id, this.#seen.get(run_id)).last);
  }

  /** Whether a file of the workspace, as it is now, belongs here. False for what is no file. */
  isQuarantined(path: string): boolean {
    if (this.#keeper.quarantine.isEmpty()) return false;
    const sha256 = this.#workspace.digest(path);
    return sha256 !== undefined && this.#keeper.quarantine.runsOf(sha256).length > 0;
  }

  /** What belongs here at a path or beneath it and is still what was written. For what a program is let read. */
  beneath(path: string): readonly QuarantineRow[] {
    const rows = this.#keeper.quarantine.beneath(this.#workspace.relative(path));
    return rows.filter((row) => this.#workspace.digest(row.path) === row.sha256);
  }

  /** The operator accepts what a run wrote so far. How many contents that were. */
  release(run_id: string): number {
    const { quarantine } = this.#keeper;
    this.wrote(run_id);
    return quarantine.release(run_id);
  }

  #follow(run: string, seen: number): void {
    const { files, moved, last } = this.#workspace.written(run, seen);
    this.#carry(moved);
    // The files first: cut off between the two, they are looked at once more.
    this.#add(run, files);
    this.#keeper.quarantine.mark(run, this.#now(), last);
  }

  /** What lies in a directory goes with it. It stays known where it was as well: an undo brings it back there. */
  #carry(moved: readonly MovedDirectory[]): void {
    const { quarantine } = this.#keeper;
    for (const { from, to } of moved) {
      const rows = quarantine.beneath(from);
      quarantine.add(rows.map((row) => ({ ...row, path: `${to}${row.path.slice(from.length)}` })));
    }
  }

  #add(run: string, files: readonly WrittenFile[]): void {
    const at = this.#now();
    const rows = files
      .filter(({ sha256 }) => sha256 !== emptySha256)
      .map(({ path, sha256 }) => ({ path, run, sha256, at }));
    this.#keeper.quarantine.add(rows);
  }

  #now(): string {
    return rfc3339(this.#keeper.clock.now());
  }
}
