/** Who acts. The text form (`operator`, `agent:default`) is what policy, ledger and bundles write. */
import { Fault } from "../core/fault.ts";
import { checkAgentName } from "../core/id.ts";

export type Principal = { readonly kind: "operator" } | { readonly kind: "agent"; readonly name: string };

/** Ring 0 controls, ring 1 acts within grants. */
export type Ring = 0 | 1;

export const operator: Principal = { kind: "operator" };

export function agent(name: string): Principal {
  return { kind: "agent", name: checkAgentName(name) };
}

export function principalText(principal: Principal): string {
  return principal.kind === "operator" ? "operator" : `agent:${principal.name}`;
}

export function ringOf(principal: Principal): Ring {
  return principal.kind === "operator" ? 0 : 1;
}

/** Reads the text form; throws `invalid_argument` for anything else. */
export function parsePrincipal(text: string): Principal {
  if (text === "operator") return operator;
  if (text.startsWith("agent:")) return agent(text.slice("agent:".length));
  throw new Fault("invalid_argument", `${JSON.stringify(text)} is not a principal`, {
    hint: 'write "operator" or "agent:NAME"',
  });
}
