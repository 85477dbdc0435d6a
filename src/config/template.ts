/** The configuration file as `init` writes it: every setting with its default and a comment that says what it does. */
import type { Json } from "../core/canonical.ts";
import { parseConfig } from "./load.ts";
import { type Config, configFields } from "./settings.ts";

/** The text of a new configuration file; `values` by dotted name stand in for defaults. Throws as `loadConfig` does. */
export function defaultConfigText(values: { readonly [field: string]: Json } = {}): string {
  const fields = configFields();
  const sections = [...new Set(fields.map(({ field }) => field.split(".")[0] ?? ""))];
  const parts = sections.map((section) => {
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

/** Every setting at its default. */
export function defaultConfig(): Config {
  return parseConfig("{}", "the default configuration");
}
