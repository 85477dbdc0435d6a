/** Where everything of one Reeve home lives on disk, and how the home is found. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";

export interface Home {
  /** The directory that holds `.reeve/`, `runs/` and, by default, `workspace/`. Absolute. */
  readonly root: string;
  readonly state: string;
  readonly ledger: string;
  readonly database: string;
  readonly policy: string;
  readonly config: string;
  readonly vault: string;
  readonly keys: string;
  readonly agents: string;
  readonly undo: string;
  readonly runs: string;
}

/** `stateName` is another name for `.reeve` only while a home is being made. */
export function homeAt(root: string, stateName = ".reeve"): Home {
  const base = resolve(root);
  const state = join(base, stateName);
  return {
    root: base,
    state,
    ledger: join(state, "ledger.db"),
    database: join(state, "state.db"),
    policy: join(state, "policy.json"),
    config: join(state, "config.json"),
    vault: join(state, "vault"),
    keys: join(state, "keys"),
    agents: join(state, "agents"),
    undo: join(state, "undo"),
    runs: join(base, "runs"),
  };
}

/** The home named explicitly, else the nearest ancestor of `cwd` holding `.reeve/`, else `cwd` itself. */
export function findHome(named: string | undefined, cwd: string): Home {
  if (named) return homeAt(resolve(cwd, named));
  for (let at = resolve(cwd); ; at = dirname(at)) {
    if (existsSync(join(at, ".reeve"))) return homeAt(at);
    if (dirname(at) === at) return homeAt(cwd);
  }
}

/** Whether an absolute path is beneath a directory, and not the directory itself. */
export function liesInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== "" && way !== ".." && !way.startsWith("../") && !isAbsolute(way);
}
