/** The configuration as it may be shown to agents and written into records. */
import type { Json } from "../core/canonical.ts";
import type { Config } from "./settings.ts";

/** Every setting by section, defaults included, without the warnings. No setting can hold a secret, so none is left out. */
export function redactConfig({ warnings: _, ...settings }: Config): { readonly [key: string]: Json } {
  return settings;
}
