/** Identifiers: UUIDv7 (RFC 9562 section 5.7), so that ids sort by time of creation. */
import { Fault } from "./fault.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const agentName = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;

export function newId(): string {
  return Bun.randomUUIDv7();
}

export function isId(text: string): boolean {
  return uuid.test(text);
}

/**
 * An agent's name as it may appear in a path or a policy: 1 to 64 of a-z, 0-9, `_` and `-`, not beginning or ending
 * with a mark. Throws `invalid_argument` for anything else, so `../../x` never reaches a file system call.
 */
export function checkAgentName(text: string): string {
  if (agentName.test(text)) return text;
  throw new Fault("invalid_argument", `${JSON.stringify(text)} is not an agent name`, {
    hint: "use 1 to 64 lowercase letters, digits, '-' or '_'",
  });
}
