/** The configuration as it may be shown to agents and written into records. */
import { isJsonObject, type Json } from "../core/canonical.ts";
import { isSecretName, secretName } from "./earlier.ts";
import { type Config, settingSchemas } from "./settings.ts";

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

/**
 * Wanted changes, by dotted name, as they may be recorded. What is under the name of a secret, or of no setting at all,
 * may be a secret in the wrong place and is left out.
 */
export function redactUpdates(updates: Json): Json {
  if (!isJsonObject(updates)) return "[secret]";
  return Object.fromEntries(
    Object.entries(updates).map(([field, value]) => [
      field,
      settingSchemas.has(field) ? shown(field, value) : "[secret]",
    ]),
  );
}

function shown(field: string, value: Json): Json {
  if (isSecretName(field)) return value === null ? null : "[secret]";
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(`${field}.${key}`, each)]));
}
