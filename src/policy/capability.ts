/** The grammar of capabilities: `fs.read`, `fs.*`, `fs.write:src/**`. A bare `*` is never one. */
import { Fault } from "../core/fault.ts";

/** A capability as a grant or rule writes it; without a pattern it covers every resource. */
export interface Capability {
  /** `fs.read`, or `fs.*` for every capability below `fs`. */
  readonly name: string;
  readonly pattern: string | null;
}

const nameForm = /^[a-z]+(?:\.[a-z_]+)+$/;
const familyForm = /^[a-z]+(?:\.[a-z_]+)*\.\*$/;

/**
 * Capabilities that change Reeve itself. They belong to the operator: no grant gives them to an agent, and a request
 * for one is control whatever effect it claims.
 */
export const controlCapabilities: ReadonlySet<string> = new Set([
  "agents.write",
  "config.write",
  "ledger.write",
  "policy.write",
  "runs.accept",
  "runs.undo",
  "secrets.write",
  "skills.write",
]);

/** Splits at the first colon; says nothing about whether the parts are well formed. */
export function splitCapability(text: string): Capability {
  const colon = text.indexOf(":");
  return colon < 0 ? { name: text, pattern: null } : { name: text.slice(0, colon), pattern: text.slice(colon + 1) };
}

/** A capability whose name is well formed. Throws `invalid_argument`. */
export function parseCapability(text: string): Capability {
  const capability = splitCapability(text);
  if (nameForm.test(capability.name) || familyForm.test(capability.name)) return capability;
  throw new Fault("invalid_argument", `${JSON.stringify(text)} is not a capability`, {
    hint: 'write "area.verb", "area.*" or "area.verb:pattern", for example "fs.read:src/**"; "*" alone is never a capability',
  });
}

/** Whether a granted name covers an asked one: the same, or a family it belongs to. */
export function coversName(granted: string, asked: string): boolean {
  if (!familyForm.test(granted)) return granted === asked && nameForm.test(granted);
  return asked.startsWith(granted.slice(0, -1)) && nameForm.test(asked);
}
