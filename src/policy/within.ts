/** What a sub-agent is held to: capabilities as a grant writes them. */
import { Fault } from "../core/fault.ts";
import { controlCapabilities, coversName, parseCapability, splitCapability } from "./capability.ts";
import { grammars, kindOfCapability } from "./pattern.ts";

const maxEntries = 100;

/**
 * Throws `invalid_argument` for more than 100 texts, one that is no capability or one whose pattern can never match, and
 * `permission_denied` for control and families that hold it.
 */
export function checkWithin(within: readonly string[]): void {
  if (within.length > maxEntries) {
    throw new Fault(
      "invalid_argument",
      `a run is held to ${within.length} capabilities; at most ${maxEntries} can be`,
      {
        hint: "write families or patterns that cover several, such as fs.read:src/**",
      },
    );
  }
  for (const text of within) {
    const { name, pattern } = parseCapability(text);
    const control = [...controlCapabilities].find((each) => coversName(name, each));
    if (control) {
      throw new Fault(
        "permission_denied",
        `${JSON.stringify(name)} cannot be handed on: ${control} is the operator's`,
        {
          hint: "name what is meant without it",
        },
      );
    }
    const problem = pattern === null ? undefined : grammars[kindOfCapability(name)].patternProblem(pattern);
    if (problem) {
      throw new Fault("invalid_argument", `the pattern of ${JSON.stringify(text)} can never match: ${problem}`, {
        hint: 'write "area.verb" or "area.verb:pattern", for example "fs.read:src/**"',
      });
    }
  }
}

/** Whether some use of a capability is among what was given. */
export function withinCovers(within: readonly string[], capability: string): boolean {
  return within.some((text) => coversName(splitCapability(text).name, capability));
}
