/** secrets.list: the names of the stored secrets; their values are not to be had. */
import * as v from "valibot";
import { defineTool } from "../../define/tool.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const secretFacts = v.strictObject({
  name: v.string(),
  version: count,
  epoch: v.pipe(count, v.description("of the key it is encrypted with")),
  created_at: v.string(),
});

export const list = defineTool({
  name: "secrets.list",
  summary: "List the names of the stored secrets, never their values.",
  capability: "secrets.list",
  effect: "read",
  needs: ["secrets"],
  input: () => v.strictObject({}),
  output: () => v.strictObject({ secrets: v.array(secretFacts), count }),
  examples: [{}],
  phrases: ["which secrets are stored", "list api keys and credentials", "what is in the vault"],
  async handler({ secrets }) {
    const facts = [...(await secrets.list())].sort((a, b) => (a.name < b.name ? -1 : 1));
    return { secrets: facts, count: facts.length };
  },
});
