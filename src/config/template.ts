/** The configuration file as `init` writes it: settings with their defaults and comments that say what they do. */
import type { Json } from "../core/canonical.ts";
import { parseConfig } from "./load.ts";
import { type Config, configFields } from "./settings.ts";

/** The text of a new configuration file; `values` by dotted name stand in for defaults. Throws as `loadConfig` does. */
export function defaultConfigText(values: { readonly [field: string]: Json } = {}): string {
  // How each provider is reached need not be said: what it needs is written there when it is set up.
  const fields = configFields().filter(({ field }) => !field.startsWith("providers.") || Object.hasOwn(values, field));
  const sections = [...new Set(fields.map(({ field }) => field.split(".")[0] ?? ""))];
  const parts = sections.map((section) => {
    if (section === "providers") return providersText(values);
    const rows = fields
      .filter(({ field }) => field.startsWith(`${section}.`))
      .map(({ field, summary, ...setting }) => {
        const value = Object.hasOwn(values, field) ? values[field] : setting.default;
        return `    // ${summary}\n    ${JSON.stringify(field.slice(section.length + 1))}: ${JSON.stringify(value)}`;
      });
    return `  ${JSON.stringify(section)}: {\n${rows.join(",\n")}\n  }`;
  });
  const text = `// Reeve's settings. Comments stay when \`reeve config set\` changes a value. Types and ranges: docs/specs/config.md.\n{\n${parts.join(",\n")}\n}\n`;
  parseConfig(text, "the new configuration");
  return text;
}

function providersText(values: { readonly [field: string]: Json }): string {
  const named: Record<string, Record<string, Json>> = {};
  for (const [field, value] of Object.entries(values)) {
    const [section, name = "", key = ""] = field.split(".");
    if (section === "providers") named[name] = { ...named[name], [key]: value };
  }
  return `  "providers": ${JSON.stringify(named, null, 2).replaceAll("\n", "\n  ")}`;
}

/** Every setting at its default. */
export function defaultConfig(): Config {
  return parseConfig("{}", "the default configuration");
}
