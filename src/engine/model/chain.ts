/** The models a run may be answered by, in order: the configured one and its fallbacks, each with all it takes to reach it. */
import { Fault } from "../../core/fault.ts";
import { didYouMean } from "../../core/nearest.ts";
import type { Endpoint, Provider, ProviderFetch, ProviderRequest } from "../../define/provider.ts";
import { type KeySource, keyName } from "../keys.ts";
import type { Prices } from "./pricing.ts";

/** The part of the configuration that says who answers and how. */
export interface ModelConfig {
  readonly model: {
    readonly provider: string;
    readonly name: string | null;
    readonly temperature: number | null;
    readonly max_output_tokens: number;
    readonly effort: ProviderRequest["effort"];
    readonly tool_calls: ProviderRequest["tool_calls"] | null;
    readonly fallback: readonly string[];
    readonly max_attempts: number;
    readonly idle_timeout_ms: number;
    readonly breaker_failures: number;
    readonly breaker_open_ms: number;
    readonly prices: Prices;
  };
  readonly providers: { readonly [name: string]: ProviderSettings | undefined };
}

interface ProviderSettings {
  readonly base_url?: string | null | undefined;
  readonly headers?: Readonly<Record<string, string>> | null | undefined;
  readonly api?: Endpoint["api"] | undefined;
}

/** One model that can be asked. */
export interface Candidate {
  /** `provider/model`, or the provider's name where it has no models. */
  readonly name: string;
  readonly provider: Provider;
  readonly model: string | null;
  readonly endpoint: Endpoint | null;
  readonly fetch: ProviderFetch;
  readonly free: boolean;
  readonly tool_calls: ProviderRequest["tool_calls"];
}

interface ChainOptions {
  readonly config: ModelConfig;
  readonly providers: readonly Provider[];
  readonly keys: KeySource;
  readonly fetch: (base_url: string) => ProviderFetch;
}

/**
 * Never empty. Throws for a provider that is unknown (`invalid_argument`), has no address or no model
 * (`failed_precondition`), or no key (`unauthenticated`): a fallback that cannot answer is found out before it is needed.
 */
export function chainOf(options: ChainOptions): readonly [Candidate, ...Candidate[]] {
  const { model } = options.config;
  const first = candidate(options, model.provider, model.name);
  const others = model.fallback.map((each) => {
    const slash = each.indexOf("/");
    return slash < 0
      ? candidate(options, each, null)
      : candidate(options, each.slice(0, slash), each.slice(slash + 1) || null);
  });
  return [
    first,
    ...others.filter(({ name }, i) => [first, ...others].findIndex((each) => each.name === name) === i + 1),
  ];
}

function candidate(options: ChainOptions, provider_name: string, model_name: string | null): Candidate {
  const { config, providers } = options;
  const provider = providers.find(({ name }) => name === provider_name);
  if (!provider) {
    const names = providers.map(({ name }) => name);
    throw new Fault("invalid_argument", `there is no provider ${provider_name}`, {
      hint: didYouMean(provider_name, names, `providers: ${names.join(", ")}`),
    });
  }
  const { reach } = provider;
  if (!reach) {
    const none = { endpoint: null, fetch: nowhere(provider_name), free: true, tool_calls: "native" } as const;
    return { name: provider_name, provider, model: model_name, ...none };
  }
  const model = model_name ?? reach.default_model;
  if (model === null) {
    throw new Fault("failed_precondition", `no model of ${provider_name} is chosen`, {
      hint: "set model.name, for example with: reeve config set model.name NAME",
    });
  }
  const endpoint = endpointOf(options, provider);
  return {
    name: `${provider_name}/${model}`,
    provider,
    model,
    endpoint,
    fetch: options.fetch(endpoint.base_url),
    free: reach.free,
    tool_calls: config.model.tool_calls ?? reach.tool_calls,
  };
}

function endpointOf({ config, keys }: ChainOptions, provider: Provider): Endpoint {
  const { name, reach } = provider;
  const settings = config.providers[name];
  const base_url = settings?.base_url ?? reach?.base_url ?? null;
  if (base_url === null) {
    throw new Fault("failed_precondition", `the provider ${name} has no address`, {
      hint: `set providers.${name}.base_url`,
    });
  }
  const key = reach?.key === "none" ? null : (keys.key(provider)?.value ?? null);
  if (key === null && reach?.key === "required") {
    const places = [`reeve secrets set ${keyName(name)}`, ...reach.key_env.map((each) => `set ${each}`)];
    throw new Fault("unauthenticated", `there is no key for the provider ${name}`, { hint: places.join(", or ") });
  }
  return {
    base_url: base_url.replace(/\/+$/, ""),
    key,
    headers: settings?.headers ?? {},
    api: settings?.api ?? null,
  };
}

function nowhere(provider: string): ProviderFetch {
  return () => Promise.reject(new Fault("permission_denied", `the provider ${provider} reaches nothing`));
}
