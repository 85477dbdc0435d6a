/** fs.append: adds text to the end of a file, creating it when it does not exist. */
import * as v from "valibot";
import { countLines } from "../../core/patch.ts";
import { resource } from "../../core/schema.ts";
import { refuseNul, utf8 } from "../../core/text.ts";
import { defineTool } from "../../define/tool.ts";

export const append = defineTool({
  name: "fs.append",
  summary: "Add text to the end of a file inside the workspace, creating the file if needed.",
  capability: "fs.write",
  effect: "write",
  needs: ["workspace"],
  flow: { untrusted: false, private: false, outward: false },
  input: () => v.strictObject({ path: resource("path"), content: v.pipe(v.string(), v.maxLength(8_388_608)) }),
  output: () =>
    v.strictObject({
      path: v.string(),
      bytes_appended: v.number(),
      lines_appended: v.number(),
      summary: v.string(),
    }),
  examples: [{ path: "notes/log.md", content: "- done\n" }],
  phrases: ["append to a file", "add a line to a file", "add text at the end of a file"],
  async handler({ workspace }, { path, content }) {
    const name = workspace.relative(path);
    const bytes = utf8(refuseNul(content, "content"));
    await workspace.write(name, bytes, { mode: "append" });
    const lines = countLines(content);
    return {
      path: name,
      bytes_appended: bytes.length,
      lines_appended: lines,
      summary: `appended ${lines} line(s) to ${name}`,
    };
  },
});
