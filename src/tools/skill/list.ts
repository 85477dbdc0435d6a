/** skill.list: what can be learned here. */
import * as v from "valibot";
import { defineTool } from "../../define/tool.ts";

export const list = defineTool({
  name: "skill.list",
  summary: "List the skills that can be read.",
  capability: "skills.read",
  effect: "read",
  needs: ["skills"],
  flow: { untrusted: false, private: false, outward: false },
  input: () => v.strictObject({}),
  output: () =>
    v.strictObject({
      skills: v.array(
        v.strictObject({
          name: v.string(),
          description: v.string(),
          sha256: v.string(),
          adopted: v.pipe(v.boolean(), v.description("whether the operator adopted it")),
        }),
      ),
    }),
  examples: [{}],
  phrases: ["which skills are there", "list skills"],
  async handler({ skills }) {
    const found = await skills.list();
    return { skills: found.map(({ ring, ...skill }) => ({ ...skill, adopted: ring === 1 })) };
  },
});
