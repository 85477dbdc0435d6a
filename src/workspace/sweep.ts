/** Everything that stands beneath some paths of a workspace, by the same descent as everything else: no link is followed. */
import { asFault, Fault } from "../core/fault.ts";
import { type Ground, withDirectory, withParent } from "./descend.ts";
import { isWithin, type Names, pathText } from "./path.ts";
import { isNoAccess, sight, type Sighting } from "./standing.ts";
import { namesIn } from "./tree.ts";

/** After which other work of the process gets its turn, in milliseconds. */
const turnMs = 20;
/** Names looked at with one descent. */
const slice = 256;
const maxDepth = 256;

export interface SweepOptions {
  /** True for what is neither told nor entered. */
  readonly isBarred: (names: Names, sighting: Sighting) => boolean;
  /** Told of each entry, parents first. */
  readonly visit: (directory: number, names: Names, sighting: Sighting) => void;
  /** A directory that may not be entered, is gone, or lies too deep. */
  readonly onClosed: (names: Names, why: "access" | "gone" | "depth") => void;
}

/** Visits what stands at the paths and beneath them; what is absent is not told. */
export async function sweep(ground: Ground, paths: readonly Names[], options: SweepOptions): Promise<void> {
  // A workspace that is not there must not look like one in which everything is absent.
  const requireRoot = () => withDirectory(ground, [], () => undefined);
  requireRoot();
  const pending: Names[] = [];
  const look = (directory: number, names: Names, name: string) => {
    const sighting = sight(directory, name);
    if (sighting === undefined || options.isBarred(names, sighting)) return;
    options.visit(directory, names, sighting);
    if (sighting.entry.type === "dir") pending.push(names);
  };
  for (const names of outermost(paths)) {
    ifThere(() => {
      if (names.length === 0) withDirectory(ground, names, (directory) => look(directory, names, "."));
      else withParent(ground, names, (directory, name) => look(directory, names, name));
    });
  }
  let turn_began = performance.now();
  for (let names = pending.pop(); names !== undefined; names = pending.pop()) {
    const here = names;
    if (here.length >= maxDepth) {
      options.onClosed(here, "depth");
      continue;
    }
    const children = enter(here, options, () => withDirectory(ground, here, namesIn)) ?? [];
    for (let start = 0; start < children.length; start += slice) {
      enter(here, options, () =>
        withDirectory(ground, here, (directory) => {
          for (const name of children.slice(start, start + slice)) look(directory, [...here, name], name);
        }),
      );
      if (performance.now() - turn_began > turnMs) {
        await new Promise((resolve) => setImmediate(resolve));
        turn_began = performance.now();
      }
    }
  }
  requireRoot();
}

/** Without those that lie within another one, sorted by their text. */
export function outermost(paths: readonly Names[]): readonly Names[] {
  const texts = new Map(paths.map((names) => [pathText(names), names]));
  return [...texts.values()]
    .filter((names) => !paths.some((other) => other.length < names.length && isWithin(names, other)))
    .sort((one, other) => (pathText(one) < pathText(other) ? -1 : 1));
}

function enter<T>(names: Names, { onClosed }: SweepOptions, act: () => T): T | undefined {
  try {
    return act();
  } catch (cause) {
    if (isNoAccess(cause)) onClosed(names, "access");
    else if (isGone(cause)) onClosed(names, "gone");
    else throw asFault(cause, pathText(names));
    return undefined;
  }
}

/** A path that is not there, or only behind a file, holds nothing. */
function ifThere(act: () => void): void {
  try {
    act();
  } catch (cause) {
    if (!isGone(cause)) throw cause;
  }
}

function isGone(cause: unknown): boolean {
  return cause instanceof Fault && (cause.code === "not_found" || cause.code === "failed_precondition");
}
