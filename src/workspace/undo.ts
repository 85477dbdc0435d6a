/**
 * Undo of runs: their records are checked against the workspace as a whole first, newest to oldest, then carried out in
 * that order. Nothing is touched when a path was changed by someone else since, unless forced. What the undo does is
 * itself recorded, and a record done or found done already is marked, so it can be repeated after a crash.
 */
import { closeSync } from "node:fs";
import { Fault } from "../core/fault.ts";
import { contentOf } from "./content.ts";
import { openFile, withDirectory, withParent } from "./descend.ts";
import {
  blobPath,
  type Change,
  type FormerFile,
  type Journal,
  type Mark,
  markUndone,
  readRecords,
  type SingleChange,
  type UndoRecord,
} from "./journal.ts";
import { type Names, parsePath, pathText } from "./path.ts";
import { keptName, move, putBack, remove } from "./relocate.ts";
import { makeDirectories, restoreFile } from "./rewrite.ts";
import type { Site } from "./site.ts";
import { withAbsolute } from "./tree.ts";
import { visibleName } from "./name.ts";
import { leftoversOf } from "./snapshot.ts";
import { judgeTree, revertTree, type Verdict } from "./undo-tree.ts";
import { openView, type View } from "./view.ts";

interface Step {
  readonly verdict: Verdict;
  readonly paths: readonly string[];
  readonly revert: () => void;
}

/**
 * Which paths were put back, in the order it happened, each once. Throws `failed_precondition` while a snapshot of the
 * journal is not settled.
 */
export function undoJournals(site: Site, journals: readonly Journal[], force: boolean): readonly string[] {
  // A workspace that is not there must not look like one in which everything is absent.
  withDirectory(site.ground, [], () => undefined);
  if (journals.some((journal) => leftoversOf(journal).length > 0)) {
    throw new Fault("failed_precondition", "what a program of this run did is not settled yet", {
      hint: "wait until the program is over, or run reeve doctor --fix",
    });
  }
  const view = openView(site.ground);
  const plan = inOrder(journals).map(({ journal, number, change }) => ({
    journal,
    number,
    steps: stepsOf(site, view, journal, number, change, force),
  }));
  const steps = plan.flatMap((each) => each.steps);
  const conflicts = steps.flatMap(({ verdict, paths }) => (verdict === "changed" ? paths : []));
  if (conflicts.length > 0 && !force) throw changedSince([...new Set(conflicts)].sort());
  const restored = new Set<string>();
  for (const each of plan) {
    for (const { verdict, paths, revert: act } of each.steps) {
      if (verdict === "done") continue;
      act();
      for (const path of paths) restored.add(path);
    }
    markUndone(each.journal, each.number);
  }
  return [...restored];
}

type Recorded = UndoRecord & { readonly journal: Journal };

/** The records of all journals, newest first: each journal in its own order, and one journal's among the other's by time. */
function inOrder(journals: readonly Journal[]): readonly Recorded[] {
  const left = journals.map((journal) => readRecords(journal).map((record) => ({ ...record, journal })));
  const merged: Recorded[] = [];
  for (;;) {
    const [next] = left
      .flatMap((records) => (records[0] ? [{ record: records[0], records }] : []))
      .sort((one, other) => other.record.at_ms - one.record.at_ms);
    if (next === undefined) return merged;
    merged.push(next.record);
    next.records.shift();
  }
}

/** What a record comes to; a tree's paths are judged one by one and put back together, with the first that is open. */
function stepsOf(
  site: Site,
  view: View,
  journal: Journal,
  number: number,
  change: Change,
  force: boolean,
): readonly Step[] {
  if (change.kind !== "tree") {
    const verdict = judge(view, journal, change);
    return [{ verdict, paths: [subject(change)], revert: () => revert(site, journal, change, force) }];
  }
  const judged = judgeTree(view, change);
  const first = judged.find(({ verdict }) => verdict !== "done");
  return judged.map((each) => ({
    verdict: each.verdict,
    paths: [visibleName(each.item.path)],
    revert: () => {
      if (each === first) revertTree(site, { journal, number }, judged, force);
    },
  }));
}

/** `undo`: as the run left it. `done`: as it was before. `changed`: neither. The view is taken back past the change. */
function judge(view: View, journal: Journal, change: SingleChange): "undo" | "done" | "changed" {
  switch (change.kind) {
    case "content": {
      const path = names(change.path);
      const now = view.state(path);
      if (change.before ? sameFile(now, change.before) : now.type === "absent") return "done";
      view.overlay(path, change.before ? { is: "file", sha256: change.before.sha256 } : { is: "absent" });
      return sameFile(now, change.after) ? "undo" : "changed";
    }
    case "remove": {
      const path = names(change.path);
      const now = view.state(path);
      const kept = keptName(journal, change.blob, now.type !== "absent");
      if (kept === undefined) return "done";
      const free = now.type === "absent" && view.state(path.slice(0, -1)).type === "dir";
      view.overlay(path, { is: "kept", path: blobPath(journal, kept) });
      return free ? "undo" : "changed";
    }
    case "appear": {
      const path = names(change.path);
      const now = view.state(path);
      if (now.type === "absent") return "done";
      const same =
        matches(now, change.mark) &&
        (change.mark.type === "file" || change.mark.identity !== null || view.isEmpty(path));
      view.overlay(path, { is: "absent" });
      return same ? "undo" : "changed";
    }
    case "move": {
      const [from, to] = [names(change.from), names(change.to)];
      const [there, here] = [view.state(to), view.state(from)];
      if (matches(here, change.mark) && there.type === (change.replaced?.type ?? "absent")) return "done";
      const half = matches(here, change.mark) && there.type === "absent";
      const same = half || (matches(there, change.mark) && here.type === "absent");
      if (!half) view.overlay(from, { is: "moved", names: to });
      view.overlay(to, replacedPlace(change.replaced));
      return same ? "undo" : "changed";
    }
  }
}

function revert(site: Site, journal: Journal, change: SingleChange, force: boolean): void {
  switch (change.kind) {
    case "content": {
      const path = names(change.path);
      if (change.before === null) clear(site, path);
      else restoreContent(site, journal, path, change.before, change.after.sha256, force);
      return;
    }
    case "remove": {
      const path = names(change.path);
      if (force) clear(site, path);
      if (force) makeDirectories(site, path.slice(0, -1));
      putBack(site, path, journal, keptName(journal, change.blob, false) ?? change.blob);
      return;
    }
    case "appear":
      clear(site, names(change.path));
      return;
    case "move": {
      const [from, to] = [names(change.from), names(change.to)];
      if (present(site, to)) {
        if (force) clear(site, from);
        if (force) makeDirectories(site, from.slice(0, -1));
        move(site, to, from, false);
      }
      if (change.replaced?.type === "dir") makeDirectories(site, to);
      if (change.replaced?.type === "file") restoreContent(site, journal, to, change.replaced, "", force);
    }
  }
}

/** Gives a file its former content, from the kept copy or, after an append, from its own beginning. */
function restoreContent(
  site: Site,
  journal: Journal,
  path: Names,
  former: FormerFile,
  after: string,
  force: boolean,
): void {
  if (force) makeDirectories(site, path.slice(0, -1));
  const restore = (source: number) => {
    if (contentOf(source, former.size).sha256 === former.sha256) {
      return restoreFile(site, path, source, former);
    }
    throw former.blob === null
      ? new Fault(
          "failed_precondition",
          `the former content of ${JSON.stringify(pathText(path))} is no longer its beginning`,
          {
            hint: "what was appended to was rewritten since; edit it by hand",
            data: { after },
          },
        )
      : new Fault("data_loss", `${blobPath(journal, former.blob)} is damaged`, { hint: "restore it from a backup" });
  };
  if (former.blob === null) {
    withParent(site.ground, path, (directory) => withFile(directory, path, restore));
  } else {
    const { blob } = former;
    withAbsolute(journal.directory, (directory) => withFile(directory, [blob], restore));
  }
}

function withFile(directory: number, path: Names, act: (fd: number) => void): void {
  const opened = openFile(directory, path, "read");
  if (opened === undefined) {
    throw new Fault("not_found", `${JSON.stringify(pathText(path))} is gone`, { hint: "restore it from a backup" });
  }
  try {
    act(opened.fd);
  } finally {
    closeSync(opened.fd);
  }
}

function clear(site: Site, path: Names): void {
  if (present(site, path)) remove(site, path, true);
}

function present(site: Site, path: Names): boolean {
  return openView(site.ground).state(path).type !== "absent";
}

function matches(state: ReturnType<View["state"]>, mark: Mark): boolean {
  if (mark.type === "file") return sameFile(state, mark);
  // One without an identity is a directory that this very undo will make again, in the place of one a move replaced.
  const isRemade = state.identity === undefined;
  return state.type === "dir" && (mark.identity === null || isRemade || state.identity === mark.identity);
}

function sameFile(state: ReturnType<View["state"]>, content: { readonly sha256: string }): boolean {
  return state.type === "file" && state.sha256() === content.sha256;
}

function replacedPlace(replaced: Extract<Change, { kind: "move" }>["replaced"]): Parameters<View["overlay"]>[1] {
  if (replaced === null) return { is: "absent" };
  return replaced.type === "dir" ? { is: "dir" } : { is: "file", sha256: replaced.sha256 };
}

function subject(change: SingleChange): string {
  return change.kind === "move" ? change.from : change.path;
}

function names(path: string): Names {
  return parsePath(path, []);
}

function changedSince(paths: readonly string[]): Fault {
  return new Fault("failed_precondition", `changed since the run: ${paths.join(", ")}`, {
    hint: "look at these paths first; force puts back the former state all the same",
    data: { paths },
  });
}
