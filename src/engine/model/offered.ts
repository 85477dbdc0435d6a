/** What the models of a configuration say of themselves at their own addresses, for whoever chooses or examines them. */
import { providerFetch } from "../../egress/fetch.ts";
import type { Provider } from "../../define/provider.ts";
import type { KeySource } from "../keys.ts";
import { type Candidate, chainOf, type ModelConfig } from "./chain.ts";

/** The configured model and its fallbacks; throws what would keep a run from starting, see `chainOf`. Reaches nothing. */
export function modelsInReach(options: {
  readonly config: ModelConfig;
  readonly providers: readonly Provider[];
  readonly keys: KeySource;
}): readonly [Candidate, ...Candidate[]] {
  return chainOf({ ...options, fetch: providerFetch });
}

/** Names of the models at a candidate's address, undefined where there is no list of them. Throws a Fault. */
export async function modelsOffered(
  candidate: Candidate,
  { signal, patience_ms }: { readonly signal: AbortSignal; readonly patience_ms: number },
): Promise<readonly string[] | undefined> {
  const { provider, endpoint } = candidate;
  return provider.models?.({
    signal,
    endpoint,
    fetch: candidate.fetch,
    rank: () => [],
    idle_timeout_ms: patience_ms,
  });
}
