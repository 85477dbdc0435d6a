/** What lies beneath the paths a program is shown and is not for it: what policy keeps from the agent, and Reeve's own state. */
import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { asFault, Fault } from "../core/fault.ts";
import { isUniform } from "../policy/uniform.ts";
import type { Permits, ProgramGround } from "./programs.ts";
import type { CallScope } from "./scope.ts";

const maxEntries = 200_000;
const maxMasks = 2000;

/** Paths relative to the workspace, none beneath another. Throws `resource_exhausted` where there is too much to look at. */
export function closedTo(
  ground: Pick<ProgramGround, "workspace" | "own" | "policy" | "now">,
  { principal, links }: Pick<CallScope, "principal" | "links">,
  permits: Permits,
  shown: readonly string[],
): readonly string[] {
  const { root } = ground.workspace;
  const use = { principal, links, capability: "fs.read", now_ms: ground.now() };
  const closed = ground.own.flatMap((path) => insideOf(root, path, shown));
  const looked = shown.filter((path) => !isUniform(ground.policy(), use, path));
  const search = new Search(root, permits, new Set(closed));
  for (const path of looked) if (lstatSync(join(root, path)).isDirectory()) search.look(path);
  const all = [...closed, ...search.closed];
  if (all.length > maxMasks) throw tooMuch(`more than ${maxMasks} paths would have to be hidden from the program`);
  return all;
}

/** A directory of Reeve's own as a path of the workspace, if it is there and shown. */
function insideOf(root: string, path: string, shown: readonly string[]): readonly string[] {
  let inside: string;
  try {
    inside = relative(realpathSync(root), realpathSync(path));
  } catch (thrown) {
    if (asFault(thrown).code === "not_found") return [];
    throw thrown;
  }
  if (inside === "" || inside.startsWith("..")) return [];
  return shown.some((each) => each === "." || inside === each || inside.startsWith(`${each}/`)) ? [inside] : [];
}

class Search {
  readonly closed: string[] = [];
  readonly #root: string;
  readonly #permits: Permits;
  readonly #known: ReadonlySet<string>;
  #entries = 0;

  constructor(root: string, permits: Permits, known: ReadonlySet<string>) {
    this.#root = root;
    this.#permits = permits;
    this.#known = known;
  }

  /** Links are not followed: what they lead to is judged where it is. */
  look(path: string): void {
    for (const entry of readdirSync(join(this.#root, path), { withFileTypes: true })) {
      this.#entries += 1;
      if (this.#entries > maxEntries) throw tooMuch(`there are more than ${maxEntries} files to look at`);
      const inside = path === "." ? entry.name : `${path}/${entry.name}`;
      if (this.#known.has(inside)) continue;
      if (entry.isDirectory()) this.look(inside);
      else if (!this.#permits({ capability: "fs.read", kind: "path", value: inside })) this.closed.push(inside);
    }
  }
}

function tooMuch(why: string): Fault {
  return new Fault("resource_exhausted", why, { hint: "name narrower paths in fs_read and fs_write" });
}
