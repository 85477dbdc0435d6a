/** How many tokens a request will be, roughly: the budget is asked before the provider can tell. */
import { estimateMessages, estimateTokens } from "../../context/tokens.ts";
import type { ProviderRequest } from "../../define/provider.ts";

export function requestTokens({ messages, tools, schema }: ProviderRequest): number {
  const described = tools.map(({ name, summary, input }) => name + summary + JSON.stringify(input)).join("");
  return estimateMessages(messages) + estimateTokens(described + (schema === null ? "" : JSON.stringify(schema)));
}
