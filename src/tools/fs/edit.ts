/** fs.edit: changes part of a text file in exactly one of three ways, or not at all. */
import * as v from "valibot";
import { Fault } from "../../core/fault.ts";
import { applyPatch, type Edited, replaceLines, replacePassage } from "../../core/patch.ts";
import { integer, resource } from "../../core/schema.ts";
import { fromUtf8, refuseNul, utf8 } from "../../core/text.ts";
import { defineTool } from "../../define/tool.ts";

const maxFileBytes = 8_388_608;
const text = v.pipe(v.string(), v.maxLength(maxFileBytes));
const line = integer(1, 1_000_000_000);

const input = v.strictObject({
  path: resource("path"),
  old: v.optional(v.pipe(text, v.description("the passage to replace; must occur exactly once unless all"))),
  new: v.optional(text),
  all: v.optional(v.boolean(), false),
  edits: v.optional(
    v.pipe(
      v.array(v.strictObject({ startLine: line, endLine: line, newText: text })),
      v.minLength(1),
      v.maxLength(1000),
      v.description("ranges of lines, 1-based and inclusive, all counted in the file as it is before"),
    ),
  ),
  patch: v.optional(v.pipe(text, v.description("a unified diff of this one file, exact in counts and context"))),
});

export const edit = defineTool({
  name: "fs.edit",
  summary: "Change part of a text file: replace a passage, replace ranges of lines, or apply a unified diff.",
  capability: "fs.write",
  effect: "write",
  needs: ["workspace"],
  input,
  output: () =>
    v.strictObject({
      path: v.string(),
      updated: v.boolean(),
      mode: v.picklist(["replace_once", "replace_all", "line_patch", "unified_diff"]),
      applied_edits: v.number(),
      summary: v.string(),
    }),
  examples: [
    { path: "src/main.ts", old: "const port = 80;", new: "const port = 8080;" },
    { path: "src/main.ts", edits: [{ startLine: 3, endLine: 4, newText: "// nothing here\n" }] },
    { path: "src/main.ts", patch: "@@ -1,1 +1,1 @@\n-const a = 1;\n+const a = 2;\n" },
  ],
  phrases: ["edit a file", "change a line in a file", "replace text in a file", "apply a patch or diff"],
  async handler({ workspace }, asked) {
    const { mode, apply } = modeOf(asked);
    const path = workspace.relative(asked.path);
    const { bytes, size } = await workspace.read(path, maxFileBytes);
    if (size > bytes.length) {
      throw new Fault("resource_exhausted", `${JSON.stringify(path)} is larger than ${maxFileBytes} bytes`, {
        hint: "edit a smaller file, or write this one anew",
      });
    }
    const before = fromUtf8(bytes);
    if (before === undefined || before.includes("\0")) {
      throw new Fault("failed_precondition", `${JSON.stringify(path)} is not UTF-8 text`, {
        hint: "only text can be edited",
      });
    }
    const { text: after, applied } = apply(before);
    const updated = after !== before;
    // Whoever else writes meanwhile must not lose their change to one made from what was read before it.
    if (updated) await workspace.write(path, utf8(refuseNul(after, "the edited file")), { expected: bytes });
    return { path, updated, mode, applied_edits: applied, summary: `applied ${applied} edit(s) to ${path}` };
  },
});

interface Mode {
  readonly mode: "replace_once" | "replace_all" | "line_patch" | "unified_diff";
  readonly apply: (before: string) => Edited;
}

/** Throws `invalid_argument` unless the arguments ask for exactly one way. */
function modeOf(asked: v.InferOutput<typeof input>): Mode {
  const { old, new: replacement, all, edits, patch } = asked;
  const ways = [old !== undefined || replacement !== undefined, edits !== undefined, patch !== undefined];
  if (ways.filter(Boolean).length !== 1) throw wrong("give exactly one of old with new, edits, or patch");
  if (all && old === undefined) throw wrong("all belongs to old and new");
  if (patch !== undefined) return { mode: "unified_diff", apply: (before) => applyPatch(before, patch) };
  if (edits !== undefined) return { mode: "line_patch", apply: (before) => replaceLines(before, edits) };
  if (old === undefined || replacement === undefined) throw wrong("old and new belong together");
  return {
    mode: all ? "replace_all" : "replace_once",
    apply: (before) => replacePassage(before, old, replacement, all),
  };
}

function wrong(message: string): Fault {
  return new Fault("invalid_argument", message, { hint: "see the examples of fs.edit" });
}
