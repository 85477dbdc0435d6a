/** secrets.set: store a secret under a name. */
import * as v from "valibot";
import { resource, secretText } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const set = defineTool({
  name: "secrets.set",
  summary: "Store a secret under a name, replacing an earlier value.",
  capability: "secrets.write",
  effect: "control",
  needs: ["secrets"],
  input: () =>
    v.strictObject({
      key: resource("name"),
      value: secretText(),
      allow: v.optional(
        v.pipe(
          v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(300))),
          v.maxLength(64),
          v.description("where it may be used: host:NAME or command:NAME; unchanged when absent"),
        ),
      ),
    }),
  output: () =>
    v.strictObject({
      key: v.string(),
      updated: v.pipe(v.boolean(), v.description("false when the name is new")),
      version: v.pipe(v.number(), v.integer()),
    }),
  examples: [{ key: "provider/openai/api_key", value: "an-example-value" }],
  phrases: ["store a secret", "set an api key"],
  async handler({ secrets }, { key, value, allow }) {
    const { version } = await secrets.set(key, value, allow === undefined ? {} : { allow });
    return { key, updated: version > 1, version };
  },
});
