/** The configuration as it may be shown to agents and written into records. */
import { isJsonObject, type Json } from "../core/canonical.ts";
import { secretName } from "./earlier.ts";
import type { Config } from "./settings.ts";

/** Every setting by section, defaults included, without the warnings and with keys that stand in it left out. */
export function redactConfig({ warnings: _, ...settings }: Config): { readonly [key: string]: Json } {
  return withoutSecrets(settings, "");
}

function withoutSecrets(settings: object, prefix: string): { readonly [key: string]: Json } {
  const entries = Object.entries(settings as { readonly [key: string]: Json });
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const name = `${prefix}${key}`;
      if (secretName(name, value) !== undefined) return [key, "[secret]"];
      return [key, isJsonObject(value) ? withoutSecrets(value, `${name}.`) : value];
    }),
  );
}
