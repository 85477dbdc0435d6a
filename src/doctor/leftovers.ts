/**
 * Drafts of atomic writes whose process died before the rename: never read by anyone, and only these are removed. And
 * snapshots of programs whose process died: what those changed becomes an undo record.
 */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import { Fault, systemErrorName } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { openHomeWorkspace } from "../engine/place.ts";
import { type Observation, ok, type Probe } from "./probe.ts";

/** `NAME.PID.RANDOM.tmp`, as core/atomic.ts and core/lock.ts name them. */
const draft = /\.(\d{1,10})\.[0-9a-f]{12}\.tmp$/;

export const leftovers: Probe = {
  name: "leftovers",
  needs_home: true,
  examine({ home }) {
    const found = [home.state, home.keys, home.vault].flatMap(draftsIn).filter((path) => !isAlive(path));
    const unsettled = unsettledRuns(home);
    if (found.length + unsettled.length === 0) return [ok("no drafts of interrupted writes")];
    const drafts = found.map((path) => ({
      status: "warn" as const,
      message: `${path} is the draft of a write that was cut off`,
      hint: "run reeve doctor --fix to remove it; what it should have replaced is untouched",
      fix: () => {
        rmSync(path, { force: true });
        return `removed ${path}`;
      },
    }));
    return [...drafts, ...unsettled];
  },
};

function unsettledRuns(home: Home): readonly Observation[] {
  // A config or workspace that is ill is told by its own probe.
  const opened = openOr(() => openHomeWorkspace(home, loadConfig(home.config)));
  return (opened?.unsettled() ?? []).map((run) => ({
    status: "warn",
    message: `a program of run ${run} was cut off and what it changed is not recorded yet`,
    hint: "run reeve doctor --fix to record it, so that it can be undone",
    fix: async () => {
      const settled = (await opened?.settle(run)) ?? [];
      const paths = settled.reduce((sum, { total }) => sum + total, 0);
      return `recorded ${paths} paths changed in run ${run}`;
    },
  }));
}

function openOr<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
}

function draftsIn(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory).filter((name) => draft.test(name));
    return names.map((name) => join(directory, name)).filter((path) => lstatSync(path).isFile());
  } catch (thrown) {
    if (systemErrorName(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

function isAlive(path: string): boolean {
  const pid = Number(draft.exec(path)?.[1]);
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemErrorName(thrown) === "EPERM";
  }
}
