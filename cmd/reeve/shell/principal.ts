/** Who acts, as people type it: `agent:NAME` or just `NAME`; `operator` where the operator can be meant. */
import { checkAgentName } from "../../../src/core/id.ts";
import { agent, parsePrincipal, type Principal } from "../../../src/define/principal.ts";

/** Throws `invalid_argument` for what names nobody. */
export function principalNamed(text: string): Principal {
  return text === "operator" || text.includes(":") ? parsePrincipal(text) : agent(text);
}

/** Where only an agent can be meant: its name without `agent:`. Throws `invalid_argument` for what is no agent's name. */
export function agentNamed(text: string): string {
  return checkAgentName(text.replace(/^agent:/, ""));
}
