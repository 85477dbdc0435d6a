/** The workspace as it will look once some changes are taken back, without taking them back: overlays on the real one. */
import { closeSync, lstatSync, readdirSync } from "node:fs";
import { dirname, basename, join } from "node:path";
import { asFault, Fault } from "../core/fault.ts";
import { contentOf } from "./content.ts";
import { type Entry, entryOf, type Ground, inspect, openFile, withDirectory, withParent } from "./descend.ts";
import { isWithin, type Names } from "./path.ts";
import { namesIn, withAbsolute } from "./tree.ts";

export interface PathState {
  readonly type: "absent" | "file" | "dir" | "other";
  /** Absent for a state that exists only in the view. */
  readonly identity?: string;
  readonly sha256: () => string | undefined;
}

/** What a path will hold. `moved`: what another path holds in the view so far; `kept`: what the undo area holds. */
export type Place =
  | { readonly is: "absent" }
  | { readonly is: "dir" }
  | { readonly is: "file"; readonly sha256: string }
  | { readonly is: "moved"; readonly names: Names }
  | { readonly is: "kept"; readonly path: string };

export interface View {
  state(names: Names): PathState;
  isEmpty(names: Names): boolean;
  overlay(names: Names, place: Place): void;
}

type Spot = Exclude<Place, { readonly is: "moved" }> | { readonly is: "real"; readonly names: Names };

const absent: PathState = { type: "absent", sha256: () => undefined };

export function openView(ground: Ground): View {
  const overlays: { readonly names: Names; readonly place: Place }[] = [];

  const locate = (asked: Names): Spot => {
    let names = asked;
    for (const { names: covered, place } of overlays.toReversed()) {
      if (!isWithin(names, covered)) continue;
      const rest = names.slice(covered.length);
      if (place.is === "moved") names = [...place.names, ...rest];
      else if (place.is === "kept") return { is: "kept", path: join(place.path, ...rest) };
      else return rest.length === 0 ? place : { is: "absent" };
    }
    return { is: "real", names };
  };

  const state = (names: Names): PathState => stateOf(ground, locate(names));

  return {
    state,
    isEmpty(names) {
      const added = overlays.flatMap(({ names: covered }) => {
        const name = covered[names.length];
        return isWithin(covered, names) && name !== undefined ? [name] : [];
      });
      const children = new Set([...childrenOf(ground, locate(names)), ...added]);
      return [...children].every((child) => state([...names, child]).type === "absent");
    },
    overlay(names, place) {
      overlays.push({ names, place });
    },
  };
}

function stateOf(ground: Ground, spot: Spot): PathState {
  if (spot.is === "absent") return absent;
  if (spot.is === "dir") return { type: "dir", sha256: () => undefined };
  if (spot.is === "file") return { type: "file", sha256: () => spot.sha256 };
  if (spot.is === "kept") {
    const { path } = spot;
    return unlessInTheWay(() => {
      const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      return entryState(stats && entryOf(stats), () =>
        withAbsolute(dirname(path), (area) => hash(area, [basename(path)])),
      );
    });
  }
  const { names } = spot;
  if (names.length === 0) return { type: "dir", sha256: () => undefined };
  return unlessInTheWay(() =>
    withParent(ground, names, (directory, name) =>
      entryState(inspect(directory, name), () => withParent(ground, names, (parent) => hash(parent, names))),
    ),
  );
}

function entryState(entry: Entry | undefined, sha256: () => string | undefined): PathState {
  if (entry === undefined) return absent;
  const type = entry.type === "link" ? "other" : entry.type;
  return { type, identity: entry.identity, sha256 };
}

function childrenOf(ground: Ground, spot: Spot): readonly string[] {
  if (spot.is === "kept") return readdirSync(spot.path);
  return spot.is === "real" ? withDirectory(ground, spot.names, namesIn) : [];
}

/** Undefined for what may not be read, which is never what a run left behind. */
function hash(directory: number, names: Names): string | undefined {
  try {
    const opened = openFile(directory, names, "read");
    if (opened === undefined) return undefined;
    try {
      return contentOf(opened.fd).sha256;
    } finally {
      closeSync(opened.fd);
    }
  } catch (cause) {
    if (cause instanceof Fault && cause.code === "permission_denied") return undefined;
    throw cause;
  }
}

/** A path whose parent is gone or became a file is absent; one behind a link is something else. */
function unlessInTheWay(act: () => PathState): PathState {
  try {
    return act();
  } catch (cause) {
    const { code } = asFault(cause);
    if (code === "not_found" || code === "failed_precondition") return absent;
    if (code === "permission_denied") return { type: "other", sha256: () => undefined };
    throw cause;
  }
}
