/** The paths a clause names: quoted, with slashes or extensions, "here", and bare names where a folder is meant. */
import type { Blanking } from "./blanking.ts";

/** `folder` is true when at least one path was named as a folder; false says nothing. */
export interface NamedPaths {
  readonly found: readonly string[];
  readonly folder: boolean;
}

const bareFiles =
  "readme|license|licence|makefile|dockerfile|changelog|contributing|notice|authors|procfile|gemfile|rakefile|justfile|vagrantfile";

/** Extensions by which a dotted word is taken for a file name rather than a host, a version or a field. */
export const fileExtensions: ReadonlySet<string> = new Set(
  `ts tsx mts cts js jsx mjs cjs json jsonc jsonl md mdx txt text toml yaml yml ini cfg conf env lock csv tsv xml html htm css scss less sql sh
  bash zsh fish py pyi rb go rs c h cc cpp cxx hpp java kt swift php pl lua r jl ex exs erl hs ml scala clj cs fs vb dart zig nim nix vue
  svelte proto graphql tf gradle properties service timer log out err pdf png jpg jpeg gif svg ico webp zip gz tgz tar xz bz2 zst db sqlite bin
  wasm pem crt key pub patch diff rst adoc tex bak tmp mk cmake age example sample local map snap`.split(/\s+/),
);

const bareFile = new RegExp(`^(?:${bareFiles})$`, "iu");

/** True for a path whose last part has a known extension, is a dot file or a known bare name (README). */
export function isFilePath(path: string): boolean {
  const name = path.split("/").at(-1) ?? "";
  if (bareFile.test(name) || /^\.[a-z][\w.-]+$/iu.test(name)) return true;
  const extension = /^[\w@+-][\w@+. -]*\.(\w+)$/u.exec(name)?.[1];
  return extension !== undefined && fileExtensions.has(extension.toLowerCase());
}

/** True for a name that can only be a path: it has a slash, or names a file as `isFilePath` knows them. */
export function isPathLike(text: string): boolean {
  if (text === "." || text === "..") return true;
  if (/^\s|\s$|\s{2}|^\/\/|:\/\//u.test(text)) return false;
  if (text.includes("/")) return !/\s/u.test(text) || isFilePath(text);
  return isFilePath(text);
}

const part = String.raw`[\p{L}\p{N}@_+.-]+`;
const written = new RegExp(
  String.raw`(?<![\p{L}\p{N}:/.~@_+-])(?:~\/|\/)?${part}(?:\/${part})*\/?(?![\p{L}\p{N}])|(?<!\S)[~/](?!\S)`,
  "gu",
);
const place = "folder|directory|dir|repo|repository|project|workspace|tree|codebase";
const here = new RegExp(
  String.raw`\b(?:(?:in|from|of|inside|under)\s+)?(?:here|(?:this|the|my|our|the current|current|working|the working)\s+(?:${place}))\b|\bworkspace\s+root\b|\broot\s+of\s+the\s+workspace\b`,
  "giu",
);
const name = String.raw`([\p{L}\p{N}_@+-]+)`;
const within = "in|inside|under|within|beneath|below|across";
/** A bare word is a folder when one of these stands beside it. */
const namedFolder = [
  String.raw`\b(?:folder|directory|dir)\s(?:named\s|called\s)?${name}`,
  String.raw`\b${name}\s(?:folder|directory|dir)\b`,
  String.raw`\b(?:files?|folders?|directories|everything|anything|something|is)\s(?:are\s)?(?:${within})\s(?:the\s)?${name}`,
].map((source) => new RegExp(source, "giu"));
/** A bare word is a folder here unless it is a topic of the tools. */
const likelyFolder = [
  String.raw`\b(?:${within}|ls)\s(?:the\s)?${name}`,
  String.raw`^\s*(?:list|ls|dir|read|open|cat)\s${name}\s*$`,
  String.raw`\b(?:search|grep|scan|look through)\s${name}\sfor\b`,
].map((source) => new RegExp(source, "giu"));

const notNames = new Set(
  `the this that these those my our your its all any total use bytes memory general detail details order english here there it them each every
  which what utc gib mib kib mb gb kb tb percent progress a an case particular turn terms time fact short brief now charge me us you him her one
  mind front back addition parallel seconds minutes hours days german french spanish question trouble depth full and or is are large largest
  biggest small list show read whole entire parent sub same open new home work contents some be been current working`.split(
    /\s+/,
  ),
);
const notPaths = /^(?:and\/or|tcp\/ip|i\/o|n\/a|w\/o?|y\/n|24\/7|read\/write|on\/off|yes\/no|\d[\d./:-]*)$/iu;

/**
 * `isTopic` tells words of the tools from names, so that "in memory" names no folder. With a quoted path beside it,
 * "the folder" is not this one.
 */
export function pathsIn(text: Blanking, isTopic: (word: string) => boolean, hasQuoted: boolean): NamedPaths {
  const found: { readonly start: number; readonly path: string }[] = [];
  let folder = false;
  for (const match of text.rest.matchAll(written)) {
    const path = match[0].replace(/(?<=[^./])\.+$/u, "");
    const before = text.rest.slice(0, match.index);
    const isNamed = /\b(?:file|path)\s$/iu.test(before) && !notNames.has(path.toLowerCase());
    const isExtension = /^\.\w+$/u.test(path) && fileExtensions.has(path.slice(1).toLowerCase()) && !isNamed;
    if (isExtension || notPaths.test(path) || !(isPathLike(path) || isNamed)) continue;
    found.push({ start: match.index, path });
    folder ||= path.endsWith("/") || /^\.{1,2}$/u.test(path) || /\b(?:folder|directory|dir)\s$/iu.test(before);
    text.blank(match.index, match.index + match[0].length);
  }
  const addBare = (pattern: RegExp, accepts: (name: string) => boolean) => {
    for (const match of text.rest.matchAll(pattern)) {
      const bare = match[1] ?? "";
      if (notNames.has(bare.toLowerCase()) || /^\d+$/u.test(bare) || !accepts(bare.toLowerCase())) continue;
      const start = match.index + match[0].lastIndexOf(bare);
      found.push({ start, path: text.takeMatch(match) });
      folder = true;
    }
  };
  for (const pattern of namedFolder) addBare(pattern, () => true);
  for (const match of text.rest.matchAll(here)) {
    if (found.length === 0 && !hasQuoted) found.push({ start: match.index, path: "." });
    folder = true;
    text.blank(match.index, match.index + match[0].length);
  }
  for (const pattern of likelyFolder) addBare(pattern, (bare) => !isTopic(bare));
  for (const first of [...found]) {
    const another = new RegExp(String.raw`\s(?:and|or)\s+(?:the\s)?${name}`, "iuy");
    another.lastIndex = first.start + first.path.length;
    const match = another.exec(text.rest);
    const bare = match?.[1] ?? "";
    if (!match || notNames.has(bare.toLowerCase()) || isTopic(bare.toLowerCase())) continue;
    found.push({ start: another.lastIndex - bare.length, path: text.takeMatch(match) });
  }
  const inOrder = found.sort((a, b) => a.start - b.start).map(({ path }) => path);
  return { found: [...new Set(inOrder)], folder };
}
