/** fs.move: moves or renames a file or directory within the workspace in one step. */
import * as v from "valibot";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const move = defineTool({
  name: "fs.move",
  aliases: ["fs.rename"],
  summary: "Move or rename a file or directory inside the workspace.",
  capability: "fs.write",
  effect: "write",
  needs: ["workspace"],
  flow: { untrusted: false, private: false, outward: false },
  input: () =>
    v.strictObject({
      src: resource("path", { capability: "fs.delete" }),
      dst: resource("path"),
      overwrite: v.pipe(
        v.optional(v.boolean(), false),
        v.description("let a file replace a file, a directory an empty directory"),
      ),
    }),
  output: () =>
    v.strictObject({
      src: v.string(),
      dst: v.string(),
      moved: v.boolean(),
      type: v.picklist(["file", "dir"]),
      overwrite: v.boolean(),
      summary: v.string(),
    }),
  examples: [{ src: "notes/draft.md", dst: "notes/final.md" }],
  phrases: ["move a file", "rename a file", "rename a directory", "move a folder"],
  async handler({ workspace }, input) {
    const [src, dst] = [workspace.relative(input.src), workspace.relative(input.dst)];
    const type = await workspace.move(src, dst, { overwrite: input.overwrite });
    const moved = src !== dst;
    const summary = moved ? `moved ${type} ${src} to ${dst}` : `${src} is already there`;
    return { src, dst, moved, type, overwrite: input.overwrite, summary };
  },
});
