/** tool.search: the tools a model holds and was not told of at first. */
import * as v from "valibot";
import { integer } from "../../core/schema.ts";
import type { Json } from "../../core/canonical.ts";
import { defineTool } from "../../define/tool.ts";

export const search = defineTool({
  name: "tool.search",
  summary: "Find more of your tools; what is found can be called from then on.",
  capability: "tools.read",
  effect: "read",
  needs: ["catalogue"],
  flow: { untrusted: false, private: false, outward: false },
  input: () =>
    v.strictObject({
      query: v.optional(v.pipe(v.string(), v.maxLength(1000)), ""),
      limit: v.optional(integer(1, 50), 10),
    }),
  output: () =>
    v.strictObject({
      tools: v.array(
        v.strictObject({
          name: v.string(),
          summary: v.string(),
          input: v.pipe(
            v.custom<Json>(() => true),
            v.description("JSON Schema of its input"),
          ),
        }),
      ),
    }),
  examples: [{ query: "network connections" }],
  phrases: ["find a tool", "search for more tools"],
  async handler({ catalogue }, { query, limit }) {
    return { tools: [...(await catalogue.search(query, limit))] };
  },
});
