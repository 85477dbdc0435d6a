/** What the door knows of a call that may reach out: whether the run is held to the Rule of Two, and by what. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import type { Config } from "../config/settings.ts";
import type { Principal } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import { grammars } from "../policy/pattern.ts";
import type { AccessTaint } from "../policy/taint.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { Attempt, Door } from "./door.ts";
import type { Quarantine } from "./quarantine.ts";
import { choiceBits } from "./said.ts";

type Scope = Attempt["scope"];

/** How a home keeps the Rule of Two. */
export interface TaintWatch {
  readonly isOn: (principal: Principal) => boolean;
  readonly acting_paths: readonly string[];
  /** Whether a file of the workspace holds strangers' words: it lies where they put files, or a run wrote it that had read them. */
  readonly isStrange: (path: string) => boolean;
  /** Whether such files lie at a path or beneath it. */
  readonly isStrangeBeneath: (path: string) => boolean;
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
  const isPlaced = (path: string) => places.some((pattern) => matches(pattern, path, true));
  // That there is an inbox is nobody's word.
  const isPlace = (path: string) => places.includes(`${path}/**`);
  return {
    isOn: (principal) => {
      const own = principal.kind === "agent" ? taint.agents[principal.name] : undefined;
      return (own ?? taint.mode) === "on";
    },
    acting_paths: taint.outward_paths ?? actingPaths,
    isStrange: (path) => (isPlaced(path) && !isPlace(path)) || quarantine.isQuarantined(path),
    isStrangeBeneath: (path) =>
      isPlaced(path) ||
      places.some((pattern) => mayLieBeneath(root, path, pattern)) ||
      quarantine.beneath(path).length > 0,
  };
}

/** Whether a pattern's first place, as far as it is certain, is there and lies beneath a path, or the path may hold one. */
function mayLieBeneath(root: string, path: string, pattern: string): boolean {
  const segments = pattern.split("/");
  const wild = segments.findIndex((segment) => segment.includes("*"));
  const certain = (wild < 0 ? segments : segments.slice(0, wild)).join("/") || ".";
  if (path === "." || certain === path || certain.startsWith(`${path}/`)) return existsSync(join(root, certain));
  return certain === "." || path.startsWith(`${certain}/`);
}

/** What policy is told of the run and the call; undefined where the rule is off for the agent and for every caller above. */
export function taintOf({ door, scope }: Attempt, tool: Tool, input: unknown, recorded: Json): AccessTaint | undefined {
  const { taint, principal, links } = scope;
  const { watch } = door;
  const isHeld = watch.isOn(principal) || links.some((link) => watch.isOn(link.principal));
  if (!isHeld) return undefined;
  const { bits } = taint;
  const isTold = bits.untrusted && isAllSaid(door, recorded, taint) && !mayBeTurned(door, tool, taint.events);
  return { ...bits, outward: tool.flow(input).outward && !isTold, acting_paths: isTold ? [] : watch.acting_paths };
}

/**
 * What a run may tell by its choice among what was said, in all: calls that each say only what they were told could
 * spell out anything together.
 */
const maxChoiceBits = 48;

function isAllSaid({ catalogue }: Door, recorded: Json, { trusted, events }: Scope["taint"]): boolean {
  const own = choiceBits(recorded, trusted);
  if (own === undefined || own > maxChoiceBits) return false;
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
