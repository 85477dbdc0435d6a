/** fs.list: what is in a directory, or with `recursive` which files are beneath it, by name, size or age. */
import * as v from "valibot";
import { sourceExtensions, vendoredDirectories } from "../../core/source.ts";
import { integer, resource } from "../../core/schema.ts";
import type { FileFacts } from "../../define/handles.ts";
import { defineTool } from "../../define/tool.ts";

export const list = defineTool({
  name: "fs.list",
  aliases: ["directory_list", "list_dir"],
  summary: "List a directory inside the workspace, or find its largest, newest or source files at any depth.",
  capability: "fs.read",
  effect: "read",
  needs: ["workspace"],
  input: () =>
    v.strictObject({
      path: v.optional(resource("path"), "."),
      recursive: v.pipe(v.optional(v.boolean(), false), v.description("files at any depth instead of direct entries")),
      sort: v.pipe(
        v.optional(v.picklist(["name", "size", "modified"]), "name"),
        v.description("size: largest first; modified: newest first"),
      ),
      limit: v.optional(integer(1, 10_000), 1000),
      extensions: v.optional(
        v.pipe(
          v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(32))),
          v.minLength(1),
          v.maxLength(50),
          v.description("only files with one of these extensions"),
        ),
      ),
      source_only: v.pipe(
        v.optional(v.boolean(), false),
        v.description("only source code, not in vendored or generated directories"),
      ),
      min_size_bytes: v.optional(integer(0, Number.MAX_SAFE_INTEGER), 0),
    }),
  output: () =>
    v.strictObject({
      path: v.string(),
      entries: v.array(
        v.strictObject({
          path: v.string(),
          type: v.picklist(["file", "dir", "other"]),
          size: v.pipe(v.number(), v.description("bytes; 0 for a directory")),
          modified_ms: v.number(),
        }),
      ),
      total: v.pipe(v.number(), v.description("how many there are, also those beyond the limit")),
      truncated: v.boolean(),
    }),
  examples: [
    { path: "." },
    { path: ".", recursive: true, sort: "size", limit: 10, source_only: true },
    { path: "docs", recursive: true, extensions: ["md"], sort: "modified" },
  ],
  phrases: [
    "what files are here",
    "list the directory",
    "what are the largest source files here",
    "biggest files in this folder",
    "largest files by size",
    "most recently modified files",
    "files with an extension",
  ],
  async handler({ workspace, signal }, asked) {
    const path = workspace.relative(asked.path);
    const compare = orders[asked.sort];
    const found = asked.recursive
      ? workspace.walk(path, { signal, skip: asked.source_only ? vendoredDirectories : [] })
      : await workspace.list(path);
    const best: FileFacts[] = [];
    let total = 0;
    for await (const facts of found) {
      if (!isWanted(facts, asked)) continue;
      total++;
      best.push(facts);
      // However many files there are, no more than twice the limit is held.
      if (best.length >= asked.limit * 2) keepBest(best, compare, asked.limit);
    }
    keepBest(best, compare, asked.limit);
    const entries = best.map(({ name: _, ...rest }) => rest);
    return { path, entries, total, truncated: total > entries.length };
  },
});

interface Filter {
  readonly extensions?: readonly string[] | undefined;
  readonly source_only: boolean;
  readonly min_size_bytes: number;
}

type Order = (a: FileFacts, b: FileFacts) => number;

const byPath: Order = (a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
const orders: { readonly [name in "name" | "size" | "modified"]: Order } = {
  name: byPath,
  size: (a, b) => b.size - a.size || byPath(a, b),
  modified: (a, b) => b.modified_ms - a.modified_ms || byPath(a, b),
};

/** A filter is about files, so with one given only files are listed. */
function isWanted({ name, type, size }: FileFacts, { extensions, source_only, min_size_bytes }: Filter): boolean {
  if (extensions === undefined && !source_only && min_size_bytes === 0) return true;
  if (type !== "file" || size < min_size_bytes) return false;
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "";
  if (source_only && !sourceExtensions.has(extension)) return false;
  return extensions === undefined || extensions.some((each) => each.replace(/^\./, "").toLowerCase() === extension);
}

function keepBest(facts: FileFacts[], compare: Order, limit: number): void {
  facts.sort(compare);
  facts.length = Math.min(facts.length, limit);
}
