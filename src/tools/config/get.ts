/** config.get: Reeve's configuration, or one field of it, as its handle shows it: without secrets. */
import * as v from "valibot";
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { Fault } from "../../core/fault.ts";
import { didYouMean } from "../../core/nearest.ts";
import { defineTool } from "../../define/tool.ts";

export const get = defineTool({
  name: "config.get",
  summary: "Show Reeve's configuration, or one field of it, without secrets.",
  capability: "config.read",
  effect: "read",
  needs: ["config"],
  input: () =>
    v.strictObject({
      field: v.optional(
        v.pipe(
          v.string(),
          v.minLength(1),
          v.maxLength(256),
          v.description("dotted name, such as engine.max_concurrent_runs"),
        ),
      ),
    }),
  output: () =>
    v.strictObject({
      config: v.optional(v.record(v.string(), v.unknown())),
      field: v.optional(v.string()),
      value: v.optional(v.unknown()),
    }),
  examples: [{}, { field: "model.provider" }],
  phrases: [
    "show the configuration",
    "what are the settings",
    "which model provider is configured",
    "value of a config field",
  ],
  handler({ config }, { field }) {
    const all = config.get();
    return field === undefined ? { config: all } : { field, value: fieldOf(all, field) };
  },
});

/** Throws `not_found` with the nearest field for a name the configuration does not have. */
function fieldOf(all: Json, field: string): Json {
  let at: Json | undefined = all;
  for (const key of field.split(".")) at = isJsonObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  if (at !== undefined) return at;
  throw new Fault("not_found", `there is no configuration field ${JSON.stringify(field)}`, {
    hint: didYouMean(field, fieldNames(all), "call config.get without a field for all of them"),
  });
}

function fieldNames(value: Json, prefix = ""): readonly string[] {
  if (!isJsonObject(value)) return [prefix];
  const own = prefix === "" ? [] : [prefix];
  const within = Object.entries(value).flatMap(([key, member]) =>
    fieldNames(member, prefix === "" ? key : `${prefix}.${key}`),
  );
  return [...own, ...within];
}
