/** code.search: lines of text files that hold a text or match a regular expression; bounded in files, bytes, matches and time. */
import * as v from "valibot";
import { asFault } from "../../core/fault.ts";
import { compilePattern } from "../../core/regexp.ts";
import { integer, resource } from "../../core/schema.ts";
import { vendoredDirectories } from "../../core/source.ts";
import { cut, fromUtf8 } from "../../core/text.ts";
import { defineTool } from "../../define/tool.ts";

const maxLineUnits = 4096;
const maxShownBytes = 1000;
const maxMilliseconds = 20_000;

export const search = defineTool({
  name: "code.search",
  summary: "Search the text files of the workspace for a text or a regular expression.",
  capability: "fs.read",
  effect: "read",
  needs: ["workspace"],
  input: () =>
    v.strictObject({
      pattern: v.pipe(v.string(), v.minLength(1), v.maxLength(512)),
      path: v.optional(resource("path"), "."),
      regex: v.pipe(
        v.optional(v.boolean(), false),
        v.description("read pattern as a regular expression, without back-references and look-around"),
      ),
      ignore_case: v.optional(v.boolean(), false),
      max_files: v.optional(integer(1, 100_000), 2000),
      max_file_bytes: v.optional(integer(1, 8_388_608), 524_288),
      max_matches: v.optional(integer(1, 10_000), 500),
    }),
  output: () =>
    v.strictObject({
      path: v.string(),
      matches: v.array(v.strictObject({ path: v.string(), line: v.number(), text: v.string() })),
      files_searched: v.number(),
      skipped: v.strictObject({
        binary: v.pipe(v.number(), v.description("files that are not UTF-8 text")),
        oversized: v.pipe(v.number(), v.description("files larger than max_file_bytes")),
        unreadable: v.number(),
        long_lines: v.pipe(
          v.number(),
          v.description("lines over 4096 characters, not matched by a regular expression"),
        ),
      }),
      truncated: v.pipe(
        v.nullable(v.picklist(["matches", "files", "time"])),
        v.description("the bound that ended the search early; null when everything was searched"),
      ),
    }),
  examples: [{ pattern: "TODO" }, { pattern: "export (const|function) \\w+", regex: true, path: "src" }],
  phrases: [
    "search the code for a text",
    "find where something is used",
    "which files contain a word",
    "grep for a pattern",
    "find all TODO comments",
  ],
  async handler({ workspace, signal, now }, asked) {
    const path = workspace.relative(asked.path);
    const matches: Match[] = [];
    const skipped = { binary: 0, oversized: 0, unreadable: 0, long_lines: 0 };
    const finder = finderFor(asked);
    const deadline = now() + maxMilliseconds;
    let files_searched = 0;
    let truncated: "matches" | "files" | "time" | null = null;
    for await (const file of workspace.walk(path, { signal, skip: vendoredDirectories })) {
      if (files_searched >= asked.max_files) truncated = "files";
      else if (now() > deadline) truncated = "time";
      if (truncated !== null) break;
      if (file.size > asked.max_file_bytes) {
        skipped.oversized++;
        continue;
      }
      const text = await textOf(() => workspace.read(file.path, asked.max_file_bytes));
      if (typeof text !== "string") {
        skipped[text.not]++;
        continue;
      }
      files_searched++;
      for (const { line, number } of finder.candidates(text)) {
        if (now() > deadline) truncated = "time";
        if (truncated !== null) break;
        if (finder.isTooLong(line)) skipped.long_lines++;
        else if (finder.matches(line)) {
          if (matches.length === asked.max_matches) truncated = "matches";
          else matches.push({ path: file.path, line: number, text: cut(line, maxShownBytes).text });
        }
      }
      if (truncated !== null) break;
    }
    return { path, matches, files_searched, skipped, truncated };
  },
});

interface Match {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

interface Line {
  readonly line: string;
  readonly number: number;
}

interface Finder {
  /** The lines that may match, without their ends. */
  candidates(text: string): Iterable<Line>;
  isTooLong(line: string): boolean;
  matches(line: string): boolean;
}

function finderFor({ pattern, regex, ignore_case }: { pattern: string; regex: boolean; ignore_case: boolean }): Finder {
  if (regex) {
    const { matches } = compilePattern(pattern, { ignore_case });
    return { candidates: (text) => linesOf(text), isTooLong: (line) => line.length > maxLineUnits, matches };
  }
  const fold = (text: string) => (ignore_case ? text.toLowerCase() : text);
  const wanted = fold(pattern);
  return {
    candidates: (text) => (fold(text).includes(wanted) ? linesOf(text) : []),
    isTooLong: () => false,
    matches: (line) => fold(line).includes(wanted),
  };
}

function* linesOf(text: string): Iterable<Line> {
  for (let at = 0, number = 1; at < text.length; number++) {
    const newline = text.indexOf("\n", at);
    const end = newline === -1 ? text.length : newline;
    yield { line: text.slice(at, text[end - 1] === "\r" && end > at ? end - 1 : end), number };
    at = end + 1;
  }
}

async function textOf(
  read: () => Promise<{ readonly bytes: Uint8Array; readonly size: number }>,
): Promise<string | { readonly not: "binary" | "oversized" | "unreadable" }> {
  try {
    const { bytes, size } = await read();
    if (size > bytes.length) return { not: "oversized" };
    const text = bytes.includes(0) ? undefined : fromUtf8(bytes);
    return text ?? { not: "binary" };
  } catch (cause) {
    // Removed, replaced or closed to this process since the walk saw it; anything worse is not ours to pass over.
    const fault = asFault(cause);
    if (["not_found", "permission_denied", "failed_precondition"].includes(fault.code)) return { not: "unreadable" };
    throw fault;
  }
}
