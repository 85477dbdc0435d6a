/** fs.delete: removes a file, or with `recursive` a directory and its contents; never the workspace itself. */
import * as v from "valibot";
import { Fault } from "../../core/fault.ts";
import { resource } from "../../core/schema.ts";
import { defineTool } from "../../define/tool.ts";

export const remove = defineTool({
  name: "fs.delete",
  summary: "Delete a file, or with recursive a directory, inside the workspace; it can be undone.",
  capability: "fs.delete",
  effect: "write",
  needs: ["workspace"],
  flow: { untrusted: false, private: false, outward: false },
  input: () =>
    v.strictObject({
      path: resource("path"),
      recursive: v.optional(v.boolean(), false),
      force: v.pipe(v.optional(v.boolean(), false), v.description("succeed when there is nothing to delete")),
    }),
  output: () =>
    v.strictObject({
      path: v.string(),
      deleted: v.boolean(),
      type: v.nullable(v.picklist(["file", "dir"])),
      recursive: v.boolean(),
      skipped: v.optional(v.literal("not_found")),
      summary: v.string(),
    }),
  examples: [{ path: "build/old.log" }, { path: "build", recursive: true }],
  phrases: ["delete a file", "remove a directory", "delete a folder and everything in it"],
  async handler({ workspace }, { path, recursive, force }) {
    const name = workspace.relative(path);
    try {
      const type = await workspace.remove(name, { recursive });
      return { path: name, deleted: true, type, recursive, summary: `deleted ${type} ${name}` };
    } catch (cause) {
      if (!force || !(cause instanceof Fault) || cause.code !== "not_found") throw cause;
      const summary = `nothing to delete at ${name}`;
      return { path: name, deleted: false, type: null, recursive, skipped: "not_found" as const, summary };
    }
  },
});
