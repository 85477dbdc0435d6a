/** config.set: change fields of Reeve's configuration, all or none of them. */
import * as v from "valibot";
import { secretByName } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

const scalar = v.union([v.null(), v.boolean(), v.number(), v.string()]);
const map = v.record(v.string(), v.union([scalar, v.record(v.string(), scalar)]));

export const set = defineTool({
  name: "config.set",
  summary: "Change fields of Reeve's configuration, or only check the change with dry_run.",
  capability: "config.write",
  effect: "control",
  needs: ["config"],
  input: () =>
    v.strictObject({
      updates: secretByName(
        v.pipe(
          v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(256)), v.union([scalar, v.array(scalar), map])),
          v.minEntries(1),
          v.description("dotted field names to new values"),
        ),
      ),
      dry_run: v.optional(v.boolean(), false),
    }),
  output: () =>
    v.strictObject({
      updated_fields: v.pipe(v.array(v.string()), v.description("those whose value is another now, sorted")),
      dry_run: v.boolean(),
      config: v.pipe(v.record(v.string(), v.unknown()), v.description("as it is after the call, without secrets")),
    }),
  examples: [{ updates: { "engine.max_concurrent_runs": 16 }, dry_run: true }],
  phrases: ["change a setting", "set a configuration field"],
  async handler({ config }, { updates, dry_run }) {
    const updated_fields = await config.set(updates, { dry_run });
    return { updated_fields: [...updated_fields], dry_run, config: config.get() };
  },
});
