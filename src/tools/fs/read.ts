/** fs.read: the beginning, or a range of lines, of a text file; never half a character, never bytes that are not text. */
import * as v from "valibot";
import { Fault } from "../../core/fault.ts";
import { countLines } from "../../core/patch.ts";
import { integer, resource } from "../../core/schema.ts";
import { codePointBoundary, cut, fromUtf8 } from "../../core/text.ts";
import { defineTool } from "../../define/tool.ts";

/** A line range is looked for in this much of the file. */
const maxScanBytes = 8_388_608;

export const read = defineTool({
  name: "fs.read",
  aliases: ["file_read", "read_file"],
  summary: "Read a text file inside the workspace, from its start or a range of its lines.",
  capability: "fs.read",
  effect: "read",
  needs: ["workspace"],
  input: () =>
    v.strictObject({
      path: resource("path"),
      max_bytes: v.optional(integer(1, 1_048_576), 262_144),
      start_line: v.optional(integer(1, 1_000_000_000)),
      max_lines: v.optional(integer(1, 100_000)),
    }),
  output: () =>
    v.strictObject({
      path: v.string(),
      content: v.string(),
      truncated: v.pipe(v.boolean(), v.description("the file goes on after content")),
      size: v.pipe(v.number(), v.description("of the whole file, in bytes")),
      lines: v.pipe(v.number(), v.description("how many lines content has")),
    }),
  examples: [{ path: "README.md" }, { path: "src/main.ts", start_line: 100, max_lines: 40 }],
  phrases: [
    "read a file",
    "show the content of a file",
    "what does the file say",
    "print the first lines",
    "cat a file",
  ],
  async handler({ workspace }, { path, max_bytes, start_line, max_lines }) {
    const name = workspace.relative(path);
    const ranged = start_line !== undefined || max_lines !== undefined;
    // One byte more than is wanted shows whether the last character is whole.
    const { bytes, size } = await workspace.read(name, ranged ? maxScanBytes : max_bytes + 1);
    const end = codePointBoundary(bytes, ranged ? wholeCharacters(bytes, size) : max_bytes);
    const text = textOf(bytes.subarray(0, end), name);
    if (!ranged) return { path: name, content: text, truncated: end < size, size, lines: countLines(text) };
    const range = linesFrom(text, start_line ?? 1, max_lines);
    const { text: content, truncated } = cut(range.text, max_bytes);
    if (range.last && !truncated && end < size) {
      throw new Fault("resource_exhausted", `the lines are not within the first ${maxScanBytes} bytes of ${name}`, {
        hint: "search for the passage with code.search instead",
      });
    }
    return { path: name, content, truncated: truncated || !range.last, size, lines: countLines(content) };
  },
});

/** Of a file read only in part, the last three bytes may belong to a character that goes on. */
function wholeCharacters(bytes: Uint8Array, size: number): number {
  return bytes.length < size ? bytes.length - 3 : bytes.length;
}

function textOf(bytes: Uint8Array, name: string): string {
  const text = fromUtf8(bytes);
  if (text !== undefined && !text.includes("\0")) return text;
  throw new Fault("failed_precondition", `${JSON.stringify(name)} is not UTF-8 text`, {
    hint: "only text can be read; fs.list shows the size of a binary file",
  });
}

/** `last`: nothing follows the range in the text. */
function linesFrom(text: string, first: number, most: number | undefined) {
  let at = 0;
  for (let line = 1; line < first && at < text.length; line++) at = after(text, at);
  const start = at;
  for (let line = 0; line < (most ?? Number.POSITIVE_INFINITY) && at < text.length; line++) at = after(text, at);
  return { text: text.slice(start, at), last: at >= text.length };
}

function after(text: string, at: number): number {
  const newline = text.indexOf("\n", at);
  return newline === -1 ? text.length : newline + 1;
}
