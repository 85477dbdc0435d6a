/** Who is to answer, and with what key: a choice as settings, as a secret for the vault, and as something that can be tried. */
import type { Json } from "../../../src/core/canonical.ts";
import { Fault } from "../../../src/core/fault.ts";
import { utf8 } from "../../../src/core/text.ts";
import { parseConfig, valueIssue } from "../../../src/config/load.ts";
import type { Config } from "../../../src/config/settings.ts";
import { defaultConfigText } from "../../../src/config/template.ts";
import type { Provider } from "../../../src/define/provider.ts";
import { providerOrigin } from "../../../src/egress/origin.ts";
import { keyName, type KeySource, keySource } from "../../../src/engine/keys.ts";
import type { ModelConfig } from "../../../src/engine/model/chain.ts";

export interface ModelChoice {
  readonly provider: Provider;
  /** Null for the provider's usual address. */
  readonly base_url: string | null;
  /** Null for a provider without models. */
  readonly model: string | null;
  /** To be kept in the vault; null for none or one that is found elsewhere. */
  readonly key: string | null;
}

/** The settings that say it, by dotted name. */
export function settingsOf({ provider, base_url, model }: ModelChoice): { readonly [field: string]: Json } {
  return {
    "model.provider": provider.name,
    ...(model === null ? {} : { "model.name": model }),
    ...(base_url === null ? {} : { [`providers.${provider.name}.base_url`]: base_url }),
  };
}

export function secretsOf({ provider, key }: ModelChoice): ReadonlyMap<string, string> {
  return new Map(key === null ? [] : [[keyName(provider.name), key]]);
}

/** The configuration a home made of the choice would have, and the keys it would find. Throws for settings that cannot stand. */
export function tryOut(choice: ModelChoice): { readonly config: Config & ModelConfig; readonly keys: KeySource } {
  const config = parseConfig(defaultConfigText(settingsOf(choice)), "the new configuration");
  const held = secretsOf(choice);
  const vault = {
    value: (name: string) => {
      const key = held.get(name);
      return key === undefined ? undefined : utf8(key);
    },
  };
  return { config, keys: keySource({ config, vault, environment: process.env }) };
}

/** Where the key a provider is reached with comes from, or null when there is none. */
export function keyOrigin(choice: ModelChoice): string | null {
  const found = tryOut(choice).keys.key(choice.provider);
  if (found?.from === "vault") return `in the vault as ${keyName(choice.provider.name)}`;
  return found ? `from the environment, ${variableOf(choice.provider) ?? ""}` : null;
}

/** The environment variable that holds a provider's key now. */
export function variableOf({ reach }: Provider): string | undefined {
  return reach?.key_env.find((name) => process.env[name]?.trim());
}

/** Throws `invalid_argument` for an address that may not be reached, before anything is sent there. */
export function checkAddress(base_url: string): string {
  const issue = valueIssue("providers.generic.base_url", base_url);
  if (issue)
    throw new Fault("invalid_argument", `the address ${issue.words}`, { hint: "such as https://api.example.com/v1" });
  providerOrigin(base_url);
  return base_url;
}

/** A key without the space around it. Throws `invalid_argument`, without repeating it, for what fits into no header. */
export function checkKey(key: string): string {
  const trimmed = key.trim();
  if (/^[\x21-\x7e]{1,4096}$/.test(trimmed)) return trimmed;
  throw new Fault("invalid_argument", trimmed === "" ? "the key is empty" : "the key holds characters no key has", {
    hint: "a key is one word of ASCII characters; was something else copied with it?",
  });
}

/** Names that can be shown and kept: whoever answers at an address may call its models anything. */
export function plainNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.length <= 200 && /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(name));
}
