/** Where a provider's key comes from, in which order, and under which names keys from elsewhere are scrubbed. */
import { describe, expect, test } from "bun:test";
import { parseConfig } from "../config/load.ts";
import { defineProvider, type Provider } from "../define/provider.ts";
import { createScrubber } from "../vault/scrub.ts";
import { keyName, keySecrets, keySource } from "./keys.ts";

function providerOf(name: string, key: "required" | "optional" | "none" = "required"): Provider {
  return defineProvider({
    name,
    summary: "Is never asked.",
    reach: {
      base_url: null,
      key,
      key_env: ["FIRST_KEY", "SECOND_KEY"],
      default_model: null,
      tool_calls: "native",
      free: false,
    },
    stream: () => {
      throw new Error("asked");
    },
  });
}

const openai = providerOf("openai");
const inConfig = { providers: { openai: { api_key: "from-the-config" } } };
const configOf = (value: object) => parseConfig(JSON.stringify(value), "c");
const vaultWith = (held: Readonly<Record<string, string>>) => ({
  value: (name: string) => (held[name] === undefined ? undefined : Buffer.from(held[name], "utf8")),
});

describe("a key", () => {
  const vault = vaultWith({ [keyName("openai")]: "from-the-vault\n" });
  const environment = { SECOND_KEY: " from-the-environment " };

  test("is the vault's before the environment's before the config's", () => {
    const config = configOf(inConfig);
    const order = [
      keySource({ config, vault, environment }),
      keySource({ config, vault: vaultWith({}), environment }),
      keySource({ config, vault: vaultWith({}), environment: {} }),
      keySource({ config: configOf({}), vault: vaultWith({}), environment: {} }),
    ];
    expect(order.map((keys) => keys.key(openai))).toEqual([
      { value: "from-the-vault", from: "vault" },
      { value: "from-the-environment", from: "environment" },
      { value: "from-the-config", from: "config" },
      null,
    ]);
  });

  test("is another provider's for nobody", () => {
    expect(keySource({ config: configOf(inConfig), vault, environment: {} }).key(providerOf("zai"))).toBeNull();
  });

  test("is given to no provider that takes none", () => {
    const keys = keySource({ config: configOf(inConfig), vault, environment });
    expect(keys.key(providerOf("openai", "none"))).toBeNull();
  });

  test("is taken from the variable the config names, and then from no usual one", () => {
    const config = configOf({ providers: { openai: { api_key_env: "OURS" } } });
    const from = (given: Readonly<Record<string, string>>) =>
      keySource({ config, vault: vaultWith({}), environment: given }).key(openai);
    expect(from({ OURS: "ours", FIRST_KEY: "usual" })).toEqual({ value: "ours", from: "environment" });
    expect(from({ FIRST_KEY: "usual" })).toBeNull();
  });

  test("that is blank is none, and a reference in the config is not sent as if it were one", () => {
    const reference = { providers: { openai: { api_key: "{{secret:provider/openai/api_key}}" } } };
    for (const value of [{ providers: { openai: { api_key: "  " } } }, reference]) {
      const keys = keySource({ config: configOf(value), vault: vaultWith({}), environment: { FIRST_KEY: " " } });
      expect(keys.key(openai)).toBeNull();
    }
  });
});

test("keys outside the vault are scrubbed under names that say where they stand, also the one that is not used", () => {
  const found = keySecrets(configOf(inConfig), [openai], { FIRST_KEY: "from-the-environment" });
  const scrubber = createScrubber(found);
  expect([...found.keys()]).toEqual(["provider/openai/api_key (environment)", "provider/openai/api_key (config)"]);
  expect(scrubber.text("a from-the-environment b from-the-config c")).toBe(
    "a [secret:provider/openai/api_key (environment)] b [secret:provider/openai/api_key (config)] c",
  );
});
