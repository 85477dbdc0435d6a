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
  input: v.strictObject({ key: resource("name"), value: secretText() }),
  output: v.strictObject({
    key: v.string(),
    updated: v.pipe(v.boolean(), v.description("false when the name is new")),
    version: v.pipe(v.number(), v.integer()),
  }),
  examples: [{ key: "provider/openai/api_key", value: "an-example-value" }],
  phrases: ["store a secret", "set an api key"],
  async handler({ secrets }, { key, value }) {
    const { version } = await secrets.set(key, value);
    return { key, updated: version > 1, version };
  },
});
