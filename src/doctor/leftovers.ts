/** Drafts of atomic writes whose process died before the rename: never read by anyone, and only these are removed. */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemErrorName } from "../core/fault.ts";
import { ok, type Probe } from "./probe.ts";

/** `NAME.PID.RANDOM.tmp`, as core/atomic.ts and core/lock.ts name them. */
const draft = /\.(\d{1,10})\.[0-9a-f]{12}\.tmp$/;

export const leftovers: Probe = {
  name: "leftovers",
  needs_home: true,
  examine({ home }) {
    const found = [home.state, home.keys, home.vault].flatMap(draftsIn).filter((path) => !isAlive(path));
    if (found.length === 0) return [ok("no drafts of interrupted writes")];
    return found.map((path) => ({
      status: "warn",
      message: `${path} is the draft of a write that was cut off`,
      hint: "run reeve doctor --fix to remove it; what it should have replaced is untouched",
      fix: () => {
        rmSync(path, { force: true });
        return `removed ${path}`;
      },
    }));
  },
};

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
