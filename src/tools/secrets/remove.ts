/** secrets.remove: delete a stored secret. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const remove = defineTool({
  name: "secrets.remove",
  summary: "Delete a stored secret.",
  capability: "secrets.write",
  effect: "control",
  needs: ["secrets"],
  input: () => v.strictObject({ key: resource("name") }),
  output: () =>
    v.strictObject({ key: v.string(), removed: v.pipe(v.boolean(), v.description("false when there was none")) }),
  examples: [{ key: "provider/openai/api_key" }],
  phrases: ["delete a secret", "remove an api key"],
  async handler({ secrets }, { key }) {
    return { key, removed: await secrets.remove(key) };
  },
});
