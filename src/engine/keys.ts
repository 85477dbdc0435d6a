/** Keys of providers: from the vault, else from the environment, else from the config, in this order. */
import { isReference } from "../config/earlier.ts";
import type { Config } from "../config/settings.ts";
import type { Provider } from "../define/provider.ts";
import type { Vault } from "../vault/vault.ts";

export interface ProviderKey {
  readonly value: string;
  readonly from: "vault" | "environment" | "config";
}

export interface KeySource {
  key(provider: Provider): ProviderKey | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The vault's name for a provider's key. */
export function keyName(provider: string): string {
  return `provider/${provider}/api_key`;
}

export function keySource(options: {
  readonly config: Config;
  readonly vault: Pick<Vault, "value">;
  readonly environment: Environment;
}): KeySource {
  const { config, vault, environment } = options;
  return {
    key: (provider) => {
      if (!provider.reach || provider.reach.key === "none") return null;
      const kept = vault.value(keyName(provider.name));
      if (kept) return { value: Buffer.from(kept).toString("utf8").trim(), from: "vault" };
      return keyElsewhere(config, provider, environment);
    },
  };
}

/** Keys that are not in the vault, by the name the scrubber puts in their place. */
export function keySecrets(
  config: Config,
  providers: readonly Provider[],
  environment: Environment,
): ReadonlyMap<string, Uint8Array> {
  const found = providers.flatMap((provider) => {
    const fromEnvironment = keyElsewhere(config, provider, environment);
    const fromConfig = keyElsewhere(config, provider, {});
    return [fromEnvironment, fromConfig].flatMap((key) =>
      key ? [[`${keyName(provider.name)} (${key.from})`, Buffer.from(key.value, "utf8")] as const] : [],
    );
  });
  return new Map(found);
}

function keyElsewhere(config: Config, provider: Provider, environment: Environment): ProviderKey | null {
  const settings = settingsOf(config, provider.name);
  const chosen = settings?.api_key_env ?? null;
  const names = chosen === null ? (provider.reach?.key_env ?? []) : [chosen];
  const value = names.map((name) => environment[name]?.trim()).find((each) => each);
  if (value) return { value, from: "environment" };
  const kept = settings?.api_key?.trim();
  return kept && !isReference(kept) ? { value: kept, from: "config" } : null;
}

/** What the config says of a provider; undefined for one it has no section for. */
function settingsOf(config: Config, provider: string): Config["providers"]["generic"] | undefined {
  const sections: Readonly<Record<string, Config["providers"]["generic"] | undefined>> = config.providers;
  return Object.hasOwn(sections, provider) ? sections[provider] : undefined;
}
