/** The workspace as it will look once some changes are taken back, without taking them back: overlays on the real one. */
import { closeSync } from "node:fs";
import { dirname, basename, join } from "node:path";
import { asFault, Fault } from "../core/fault.ts";
import { contentOf } from "./content.ts";
import { type Ground, openFile, withDirectory, withParent } from "./descend.ts";
import { type Names, pathText } from "./path.ts";
import { linkTarget, type Owned, sight } from "./standing.ts";
import { namesIn, withAbsolute } from "./tree.ts";

export interface PathState {
  /** A link is `other`, with its target. */
  readonly type: "absent" | "file" | "dir" | "other";
  /** Absent for a state that exists only in the view. */
  readonly identity?: string;
  /** Of a file that tools may read. */
  readonly sha256: () => string | undefined;
  /** SHA-256 of any regular file, also one with several hard links. */
  readonly content: () => string | undefined;
  readonly target?: string;
  /** Absent where the view does not know it. */
  readonly owned?: Owned;
}

/** What a path will hold. `moved`: what another path holds in the view so far; `kept`: what the undo area holds. */
export type Place =
  | { readonly is: "absent" }
  | { readonly is: "dir"; readonly owned?: Owned }
  | { readonly is: "file"; readonly sha256: string; readonly owned?: Owned }
  | { readonly is: "link"; readonly target: string; readonly owned: Owned }
  | { readonly is: "moved"; readonly names: Names }
  | { readonly is: "kept"; readonly path: string };

export interface View {
  state(names: Names): PathState;
  isEmpty(names: Names): boolean;
  overlay(names: Names, place: Place): void;
}

type Spot = Exclude<Place, { readonly is: "moved" }> | { readonly is: "real"; readonly names: Names };

const nothing = () => undefined;
const absent: PathState = { type: "absent", sha256: nothing, content: nothing };

/** SHA-256 of the regular file at a path whose names need not be ones a path can spell. */
export function digestOf(ground: Ground, path: string): string | undefined {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) return undefined;
  const state = openView(ground).state(names);
  return state.type === "file" ? state.content() : undefined;
}

export function openView(ground: Ground): View {
  const overlays = new Overlays();

  const locate = (asked: Names): Spot => {
    let names = asked;
    let before = Number.POSITIVE_INFINITY;
    for (;;) {
      const found = overlays.newest(names, before);
      if (found === undefined) return { is: "real", names };
      const rest = names.slice(found.depth);
      const { place } = found;
      if (place.is === "kept") return { is: "kept", path: join(place.path, ...rest) };
      if (place.is !== "moved") return rest.length === 0 ? place : { is: "absent" };
      names = [...place.names, ...rest];
      before = found.number;
    }
  };

  const state = (names: Names): PathState => stateOf(ground, locate(names));

  return {
    state,
    isEmpty(names) {
      const children = new Set([...childrenOf(ground, locate(names)), ...overlays.childrenOf(names)]);
      return [...children].every((child) => state([...names, child]).type === "absent");
    },
    overlay: (names, place) => overlays.add(names, place),
  };
}

/** What was laid over which path, found by path: there can be as many as a program has changed files. */
class Overlays {
  readonly #places = new Map<string, { readonly number: number; readonly place: Place }[]>();
  readonly #children = new Map<string, Set<string>>();
  #next = 0;

  add(names: Names, place: Place): void {
    const key = pathText(names);
    const laid = this.#places.get(key) ?? [];
    laid.push({ number: this.#next++, place });
    this.#places.set(key, laid);
    for (const [depth, name] of names.entries()) {
      const above = pathText(names.slice(0, depth));
      const children = this.#children.get(above) ?? new Set();
      this.#children.set(above, children.add(name));
    }
  }

  /** The newest one before that number which is laid over the path or a directory above it, at that depth. */
  newest(
    names: Names,
    before: number,
  ): { readonly number: number; readonly place: Place; readonly depth: number } | undefined {
    let best: { readonly number: number; readonly place: Place; readonly depth: number } | undefined;
    for (let depth = 0; depth <= names.length; depth++) {
      const laid = this.#places.get(pathText(names.slice(0, depth)));
      const found = laid?.findLast(({ number }) => number < before);
      if (found && (best === undefined || found.number > best.number)) best = { ...found, depth };
    }
    return best;
  }

  childrenOf(names: Names): ReadonlySet<string> {
    return this.#children.get(pathText(names)) ?? new Set();
  }
}

function stateOf(ground: Ground, spot: Spot): PathState {
  if (spot.is === "absent") return absent;
  if (spot.is === "dir") return { type: "dir", sha256: nothing, content: nothing, ...ownedOf(spot.owned) };
  if (spot.is === "link") {
    return { type: "other", sha256: nothing, content: nothing, target: spot.target, owned: spot.owned };
  }
  if (spot.is === "file") {
    const sha256 = () => spot.sha256;
    return { type: "file", sha256, content: sha256, ...ownedOf(spot.owned) };
  }
  if (spot.is === "kept") {
    const path = [basename(spot.path)];
    return unlessInTheWay(() =>
      withAbsolute(dirname(spot.path), (area) => entryState(area, path, withArea(spot.path))),
    );
  }
  const { names } = spot;
  if (names.length === 0)
    return withDirectory(ground, names, (directory) => entryState(directory, names, () => undefined));
  return unlessInTheWay(() =>
    withParent(ground, names, (directory) => entryState(directory, names, (act) => withParent(ground, names, act))),
  );
}

type Again = (act: (directory: number) => string | undefined) => string | undefined;

function withArea(path: string): Again {
  return (act) => withAbsolute(dirname(path), act);
}

function entryState(directory: number, names: Names, again: Again): PathState {
  const name = names.at(-1) ?? ".";
  const sighting = sight(directory, name);
  if (sighting === undefined) return absent;
  const { entry, mode } = sighting;
  return {
    type: entry.type === "link" ? "other" : entry.type,
    identity: entry.identity,
    sha256: () => again((parent) => hash(parent, names, "read")),
    content: () => again((parent) => hash(parent, names, "content")),
    ...(entry.type === "link" ? { target: linkTarget(directory, name) } : {}),
    owned: { mode, user_id: entry.user_id, group_id: entry.group_id },
  };
}

function ownedOf(owned: Owned | undefined): { readonly owned?: Owned } {
  return owned === undefined ? {} : { owned };
}

function childrenOf(ground: Ground, spot: Spot): readonly string[] {
  if (spot.is === "kept") return withAbsolute(spot.path, namesIn);
  return spot.is === "real" ? withDirectory(ground, spot.names, namesIn) : [];
}

/** Undefined for what may not be read, which is never what a run left behind. */
function hash(directory: number, names: Names, access: "read" | "content"): string | undefined {
  try {
    const opened = openFile(directory, names, access);
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
    if (code === "permission_denied") return { type: "other", sha256: nothing, content: nothing };
    throw cause;
  }
}
