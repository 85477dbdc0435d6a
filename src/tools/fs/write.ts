/** fs.write: replaces or creates a text file as a whole. */
import * as v from "valibot";
import { Fault } from "../../core/fault.ts";
import { countLines } from "../../core/patch.ts";
import { resource } from "../../core/schema.ts";
import { refuseNul, utf8 } from "../../core/text.ts";
import { defineTool } from "../../define/tool.ts";

export const write = defineTool({
  name: "fs.write",
  aliases: ["file_write"],
  summary: "Write a text file inside the workspace, replacing what it held.",
  capability: "fs.write",
  effect: "write",
  needs: ["workspace"],
  flow: { untrusted: false, private: false, outward: false },
  input: () =>
    v.strictObject({
      path: resource("path"),
      content: v.pipe(v.string(), v.maxLength(8_388_608)),
      create_parents: v.optional(v.boolean(), false),
    }),
  output: () => v.strictObject({ path: v.string(), bytes: v.number(), lines: v.number(), summary: v.string() }),
  examples: [{ path: "notes/todo.md", content: "- water the plants\n", create_parents: true }],
  phrases: ["write a file", "create a file", "save text to a file", "replace the content of a file"],
  async handler({ workspace }, { path, content, create_parents }) {
    const name = workspace.relative(path);
    const bytes = utf8(refuseNul(content, "content"));
    const parent = name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : undefined;
    if (create_parents && parent !== undefined) await workspace.makeDirectory(parent);
    try {
      await workspace.write(name, bytes);
    } catch (cause) {
      if (!(cause instanceof Fault) || cause.code !== "not_found") throw cause;
      throw new Fault("not_found", `the directory of ${JSON.stringify(name)} does not exist`, {
        hint: "pass create_parents to make it",
        cause,
      });
    }
    const lines = countLines(content);
    return { path: name, bytes: bytes.length, lines, summary: `wrote ${lines} line(s) to ${name}` };
  },
});
