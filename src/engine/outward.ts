/** What the door knows of a call that may reach out: whether the run is held to the Rule of Two, and by what. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import type { Config } from "../config/settings.ts";
import type { Principal } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import { grammars, type ResourceRequest } from "../policy/pattern.ts";
import type { AccessTaint } from "../policy/taint.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { join as joined } from "./bits.ts";
import type { Attempt, Door } from "./door.ts";
import type { Quarantine } from "./quarantine.ts";
import { choiceBits } from "./said.ts";

type Scope = Attempt["scope"];

/** How a home keeps the Rule of Two. */
export interface TaintWatch {
  readonly isOn: (principal: Principal) => boolean;
  readonly acting_paths: readonly string[];
  /** Whether a path is a directory beneath which there could be one of those. */
  readonly mayActBeneath: (path: string) => boolean;
  /** Whether a file of the workspace holds strangers' words: it lies where they put files, or a run wrote it that had read them. */
  readonly isStrange: (path: string) => boolean;
  /** Whether such files lie at a path or beneath it. */
  readonly isStrangeBeneath: (path: string) => boolean;
  /** Whether files lie there that such a run wrote: a program that is shown them may do what they say. */
  readonly isTurnedBeneath: (path: string) => boolean;
}

/**
 * What acts when a program merely looks at its directory, when it is pushed or published, or when the next agent starts.
 * What runs only when somebody builds or starts it (package.json, Makefile, any source) is left out: it is the bulk of
 * honest work, and a list of it has no end.
 */
const actingPaths: readonly string[] = [
  ...["**/.git/**", "**/.gitmodules", "**/.gitattributes", "**/.husky/**", "**/.envrc", "**/.vscode/**", "**/.idea/**"],
  ...["**/.devcontainer/**", "**/.github/**", "**/.gitlab-ci.yml", "**/.circleci/**", "public/**", "**/*.service"],
  ...["**/*.timer", "**/*.desktop", "**/AGENTS.md", "**/CLAUDE.md", "**/GEMINI.md", "skills/**", "**/.claude/**"],
  ...["**/.cursor/**", "**/.cursorrules", "**/.windsurfrules", "**/.clinerules/**", "**/.mcp.json"],
];

export function taintWatch(
  { taint }: Pick<Config, "taint">,
  { root }: Pick<Workspace, "root">,
  quarantine: Pick<Quarantine, "isQuarantined" | "beneath">,
): TaintWatch {
  const { matches } = grammars.path;
  const places = taint.untrusted_paths;
  const acting = taint.outward_paths ?? actingPaths;
  const isPlaced = (path: string) => places.some((pattern) => matches(pattern, path, true));
  // That there is an inbox is nobody's word.
  const isPlace = (path: string) => places.includes(`${path}/**`);
  return {
    isOn: (principal) => {
      const own = principal.kind === "agent" ? taint.agents[principal.name] : undefined;
      return (own ?? taint.mode) === "on";
    },
    acting_paths: acting,
    mayActBeneath: (path) =>
      (statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() ?? false) &&
      acting.some((pattern) => mayLieBeneath(path, certainPart(pattern))),
    isTurnedBeneath: (path) => quarantine.beneath(path).length > 0,
    isStrange: (path) => (isPlaced(path) && !isPlace(path)) || quarantine.isQuarantined(path),
    isStrangeBeneath: (path) =>
      isPlaced(path) ||
      places.map(certainPart).some((certain) => mayLieBeneath(path, certain) && existsSync(join(root, certain))) ||
      quarantine.beneath(path).length > 0,
  };
}

/** The directories a pattern begins with before its first wildcard. */
function certainPart(pattern: string): string {
  const segments = pattern.split("/");
  const wild = segments.findIndex((segment) => segment.includes("*"));
  return (wild < 0 ? segments : segments.slice(0, wild)).join("/") || ".";
}

/** Whether what begins with `certain` may lie at a path or beneath it. */
function mayLieBeneath(path: string, certain: string): boolean {
  if (path === "." || certain === ".") return true;
  return certain === path || certain.startsWith(`${path}/`) || path.startsWith(`${certain}/`);
}

/** A call as it was checked. */
interface Checked {
  readonly input: unknown;
  readonly recorded: Json;
  readonly resources: readonly ResourceRequest[];
}

/**
 * What policy is told of the run and the call; undefined where the rule is off for the agent and for every caller above. A
 * program reads and sends in one call, so what it will be shown counts as if it were in the context already.
 */
export function taintOf(
  { door, scope }: Attempt,
  tool: Tool,
  { input, recorded, resources }: Checked,
): AccessTaint | undefined {
  const { taint, principal, links } = scope;
  const { watch } = door;
  const isHeld = watch.isOn(principal) || links.some((link) => watch.isOn(link.principal));
  if (!isHeld) return undefined;
  const flow = tool.flow(input);
  const isShown = tool.effect === "execute" && shownPaths(resources).some((path) => watch.isTurnedBeneath(path));
  const bits = joined(taint.bits, { untrusted: isShown, private: flow.outward && flow.private });
  const isTold =
    bits.untrusted && !isShown && isAllSaid(door, recorded, taint) && !mayBeTurned(door, tool, taint.events);
  // A program names a directory and writes whatever it likes in it.
  const open = tool.effect === "execute" ? resources.filter(({ capability }) => capability === "fs.write") : [];
  const acting = [...watch.acting_paths, ...open.map(({ value }) => value).filter(watch.mayActBeneath)];
  return { ...bits, outward: flow.outward && !isTold, acting_paths: isTold ? [] : acting };
}

function shownPaths(resources: Checked["resources"]): readonly string[] {
  return resources.flatMap(({ kind, value }) => (kind === "path" ? [value] : []));
}

/**
 * What a run may tell by its choice among what was said, in all: calls that each say only what they were told could
 * spell out anything together.
 */
const maxChoiceBits = 48;

function isAllSaid({ catalogue }: Door, recorded: Json, { trusted, events }: Scope["taint"]): boolean {
  const own = choiceBits(recorded, trusted);
  if (own === undefined) return false;
  const earlier = events.flatMap((event) => {
    if (event.type !== "intent") return [];
    const effect = catalogue.find(event.tool)?.effect;
    return effect === "read" || effect === "write" ? [] : [choiceBits(event.input, trusted) ?? 0];
  });
  return earlier.reduce((sum, bits) => sum + bits, own) <= maxChoiceBits;
}

/** Whether what a program does, though the person gave its name, may have been changed by this run before. */
function mayBeTurned({ catalogue }: Door, tool: Tool, events: Scope["taint"]["events"]): boolean {
  if (tool.effect !== "execute") return false;
  return events.some((event) => {
    const effect = event.type === "intent" ? catalogue.find(event.tool)?.effect : "read";
    return effect !== "read" && effect !== "network";
  });
}
