/** What the door knows of a call that may reach out: whether the run is held to the Rule of Two, and by what. */
import type { Json } from "../core/canonical.ts";
import type { Config } from "../config/settings.ts";
import type { Principal } from "../define/principal.ts";
import type { Tool } from "../define/tool.ts";
import type { ResourceRequest } from "../policy/decide.ts";
import type { AccessTaint } from "../policy/taint.ts";
import { join } from "./bits.ts";
import type { Attempt, Door } from "./door.ts";
import { isAllSaid } from "./said.ts";

/** A call whose input is as its tool wants it. */
interface Checked {
  readonly input: unknown;
  readonly recorded: Json;
  readonly resources: readonly ResourceRequest[];
}

/** How a home keeps the Rule of Two. */
export interface TaintWatch {
  readonly isOn: (principal: Principal) => boolean;
  readonly acting_paths: readonly string[];
  /** Whether a file of the workspace was written by a run that had read strangers' words. */
  readonly isQuarantined: (path: string) => boolean;
  /** Whether such files lie at a path or beneath it. */
  readonly isStrange: (path: string) => boolean;
}

/**
 * What acts when a program merely looks at its directory, when it is pushed or published, or when the next agent starts.
 * What runs only when somebody builds or starts it (package.json, Makefile, any source) is left out: it is the bulk of
 * honest work, and a list of it has no end.
 */
const actingPaths: readonly string[] = [
  ...["**/.git/**", "**/.gitmodules", "**/.gitattributes", "**/.husky/**", "**/.envrc", "**/.vscode/**", "**/.idea/**"],
  ...["**/.devcontainer/**", ".github/**", ".gitlab-ci.yml", ".circleci/**", "public/**", "**/*.service", "**/*.timer"],
  ...["**/*.desktop", "**/AGENTS.md", "**/CLAUDE.md", "skills/**", "**/.claude/**", "**/.cursor/**"],
];

export function taintWatch({ taint }: Config, quarantine: Pick<TaintWatch, "isQuarantined" | "isStrange">): TaintWatch {
  return {
    isOn: (principal) => {
      const own = principal.kind === "agent" ? taint.agents[principal.name] : undefined;
      return (own ?? taint.mode) === "on";
    },
    acting_paths: taint.outward_paths ?? actingPaths,
    ...quarantine,
  };
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
  const isStrange = tool.effect === "execute" && shownPaths(resources).some((path) => watch.isStrange(path));
  const bits = join(taint.bits, { untrusted: isStrange, private: flow.outward && flow.private });
  const isTold =
    bits.untrusted && !isStrange && isAllSaid(recorded, taint.trusted) && !mayBeTurned(door, tool, taint.events);
  return { ...bits, outward: flow.outward && !isTold, acting_paths: isTold ? [] : watch.acting_paths };
}

function shownPaths(resources: Checked["resources"]): readonly string[] {
  return resources.flatMap(({ kind, value }) => (kind === "path" ? [value] : []));
}

/** Whether what a program does, though the person gave its name, may have been changed by this run before. */
function mayBeTurned({ catalogue }: Door, tool: Tool, events: Attempt["scope"]["taint"]["events"]): boolean {
  if (tool.effect !== "execute") return false;
  return events.some((event) => {
    const effect = event.type === "intent" ? catalogue.find(event.tool)?.effect : "read";
    return effect !== "read" && effect !== "network";
  });
}
