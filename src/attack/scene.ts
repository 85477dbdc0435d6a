/** Where an attack on the workspace takes place: a directory of its own inside, a file outside, and an agent that may write. */
import { existsSync, linkSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { type Attack, unless, type Verdict } from "./attack.ts";
import type { Ground } from "./ground.ts";

export const canary = "canary of the file outside";
export const planted = "planted by the agent";

interface Scene {
  readonly ground: Ground;
  /** The attack's directory in the workspace, as an agent names it and as it is. */
  readonly name: string;
  readonly path: string;
  /** The file outside, and the directory it is in. */
  readonly victim: string;
  readonly beyond: string;
  act(tool: string, input: Json): ReturnType<Ground["as"]>;
}

export type Play = Omit<Attack, "area" | "expects" | "perform"> & { readonly play: (scene: Scene) => Promise<Verdict> };

function scene(ground: Ground): Scene {
  const { name, path } = ground.patch();
  const { directory: beyond, path: victim } = ground.beyond(canary);
  return { ground, name, path, victim, beyond, act: (tool, input) => ground.as("worker", tool, input) };
}

/** Whether anything outside is no longer as it was. */
export function changed({ beyond, victim }: Scene): Verdict {
  const isWhole =
    existsSync(victim) && readFileSync(victim, "utf8") === canary && readdirSync(beyond).join() === "file";
  return unless(!isWhole, "something outside the workspace was changed");
}

export async function told(act: ReturnType<Ground["as"]>, secret = canary): Promise<Verdict> {
  const result = await act;
  return unless(result.ok && JSON.stringify(result.output).includes(secret), "the agent was told what lies outside");
}

/** A link in the workspace, by the path an agent would use. */
export function link(on: Scene, target: string, name = "link"): string {
  symlinkSync(target, join(on.path, name));
  return `${on.name}/${name}`;
}

export function hardLink(on: Scene): string {
  linkSync(on.victim, join(on.path, "twin"));
  return `${on.name}/twin`;
}

export const write = (path: string) => ({ path, content: planted });

/** Each way of changing a file, aimed at a path that leads to the one outside. */
export const changes: readonly (readonly [verb: string, tool: string, input: (path: string) => Json])[] = [
  ["write", "fs.write", write],
  ["append", "fs.append", write],
  ["edit", "fs.edit", (path) => ({ path, old: canary, new: planted })],
];

/** Each play as an attack that the guard of the workspace must stop. */
export function guarded(plays: readonly Play[]): readonly Omit<Attack, "area">[] {
  return plays.map(({ play, ...attack }) => ({
    ...attack,
    expects: "workspace-guard",
    perform: (ground) => play(scene(ground)),
  }));
}
