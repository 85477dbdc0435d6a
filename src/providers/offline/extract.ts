/** What a clause says besides its topic: paths, patterns, extensions, counts, sizes, durations, zones and names. */
import { Blanking } from "./blanking.ts";
import { type Clause, quotedIn } from "./clauses.ts";
import { fileExtensions, isPathLike, pathsIn } from "./paths.ts";
import { asksForText, patternIn } from "./patterns.ts";
import { placesIn } from "./places.ts";
import { countIn, durationIn, type LineRange, linesIn, type Size, sizesIn } from "./quantities.ts";

/** Everything extracted from one clause; lists are in the order of the text. */
export interface Details {
  readonly paths: readonly string[];
  /** True when a path was named as a folder, with "folder", "in" or a trailing slash; false says nothing. */
  readonly folder: boolean;
  readonly pattern: string | undefined;
  /** True when the pattern was called a regular expression; otherwise it is plain text. */
  readonly regex: boolean;
  readonly ignore_case: boolean;
  /** Without the dot, in lower case. */
  readonly extensions: readonly string[];
  readonly globs: readonly string[];
  readonly count: number | undefined;
  readonly lines: LineRange | undefined;
  readonly sizes: readonly Size[];
  readonly duration_ms: number | undefined;
  readonly zones: readonly string[];
  readonly ids: readonly string[];
  readonly ports: readonly number[];
  readonly hosts: readonly string[];
  readonly names: readonly string[];
  readonly agents: readonly string[];
  readonly settings: readonly string[];
  /** Names of tools that were written out, in lower case. */
  readonly tools: readonly string[];
  /** The clause with all of this blanked, except words that are a topic too. */
  readonly rest: string;
}

/** What a clause is read with. Places are looked for only in one about time: many cities are ordinary words. */
export interface Reading {
  readonly tools: readonly string[];
  readonly isTopic: (word: string) => boolean;
  readonly about_time: boolean;
}

const uuid = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/giu;
const agent =
  /\bagent[:\s]\s*(?!(?:is|are|may|can|has|have|do|does|the|allowed|named|policy|permissions|run)\b)([a-z0-9][\w-]*)/giu;
const url = /\b[a-z]+:\/\/\S+/giu;
const glob = /(?<![\w*?./-])[\w./-]*(?:\*\*?|\?(?=\.?\w))[\w.*?/{},-]*/gu;
const host =
  /\b(?:\d{1,3}\.){3}\d{1,3}\b|(?<![\w./])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|edu|gov|de|uk|eu|cloud|internal|lan|localdomain)\b(?!\/)/giu;
const ignoringCase = /\b(?:ignor\w+\s+(?:the\s+)?case|case[- ]?insensitiv\w*|in any case|regardless of case)\b/giu;
const patternWords = /\b(?:regex|regexp|regular expressions?)\b/giu;
const port = /\bports?\s+(\d{1,5})\b|(?<=\s|^):(\d{2,5})\b/giu;
const setting = /(?<![\w./])[a-z_]+(?:\.[a-z_]+)+(?![\w./])/gu;
const named =
  /\b(?:named|called)\s+([\w.@-]+)|\bis\s+(?:the\s+|a\s+)?([\w.@-]+)\s+(?:running|up|alive|active)\b|\b([\w.@-]+)\s+process(?:es)?\s+running\b/giu;

const noNames = new Set(
  "it this that everything anything something there all what which who server machine computer box system host service daemon program process agent database web".split(
    " ",
  ),
);

export function detailsOf(clause: Clause, { tools, isTopic, about_time }: Reading): Details {
  const text = new Blanking(clause.text);
  const toolNames = text.take(toolPattern(tools)).map((found) => found.toLowerCase());
  const quoted = splitQuoted(clause);
  text.take(url);
  const ids = text.take(uuid).map((found) => found.toLowerCase());
  const agents = text.take(agent).map((found) => found.toLowerCase());
  const globs = clause.text.search(patternWords) >= 0 ? [] : text.take(glob).filter((found) => /\w/u.test(found));
  const hosts = text.take(host).map((found) => found.toLowerCase());
  const zones = about_time ? zonesIn(text) : [];
  const sizes = sizesIn(text);
  const ignore_case = text.take(ignoringCase).length > 0;
  const paths = pathsIn(text, isTopic, quoted.paths.length > 0);
  const pattern = patternIn(text, quoted.texts);
  text.take(patternWords);
  const duration_ms = durationIn(text);
  const ports = text
    .take(port)
    .map(Number)
    .filter((number) => number > 0 && number < 65_536);
  const lines = linesIn(text);
  const count = countIn(text);
  const extensions = extensionsIn(text, globs);
  const settings = text.take(setting);
  const names = text.take(named, (name) => !noNames.has(name.toLowerCase()));
  return {
    ...pattern,
    ignore_case,
    paths: [...quoted.paths, ...paths.found],
    folder: paths.folder || quoted.folder,
    extensions,
    globs,
    count,
    lines,
    sizes,
    duration_ms,
    zones,
    ids,
    ports,
    hosts,
    names,
    agents,
    settings,
    tools: toolNames,
    rest: text.rest,
  };
}

/** Names as they are and as models see them: `fs.read`, `fs_read`. */
function toolPattern(tools: readonly string[]): RegExp {
  const spelled = tools.map((name) =>
    name
      .split(/[._]/u)
      .map((each) => each.replace(/\W/gu, "\\$&"))
      .join("[._]"),
  );
  return new RegExp(`(?<![\\w./])(?:${spelled.join("|") || "(?!)"})(?![\\w/(-]|\\.\\w)`, "giu");
}

/** Quoted texts as paths or as text to look for: after a word of searching the first is text whatever it looks like. */
function splitQuoted(clause: Clause): { paths: readonly string[]; folder: boolean; texts: readonly string[] } {
  const searches = asksForText(clause.text);
  const paths: string[] = [];
  const texts: string[] = [];
  let folder = false;
  for (const [i, each] of quotedIn(clause.source).entries()) {
    const before = clause.text.slice(0, each.start);
    const isFolder = /\b(?:folder|directory|dir)\s*$/iu.test(before);
    const isFile = /\b(?:file|path|read|open|cat)\s*$/iu.test(before);
    const isPlace = /\b(?:in|under|inside|within)\s*$/iu.test(before);
    const isLikely = isPathLike(each.text) && (isPlace || !searches || i > 0);
    const isPath = each.text.trim() !== "" && (isFolder || isFile || isLikely);
    if (isPath) paths.push(each.text);
    else if (each.text.trim() !== "") texts.push(each.text);
    folder ||= isPath && (isFolder || each.text.endsWith("/"));
  }
  return { paths, folder, texts };
}

function zonesIn(text: Blanking): readonly string[] {
  const found = placesIn(text.rest);
  for (const place of found) text.blank(place.start, place.end);
  return [...new Set(found.map((place) => place.zone))];
}

const languages: ReadonlyMap<string, string> = new Map(
  `typescript ts, javascript js, python py, markdown md, golang go, rust rs, ruby rb, java java, kotlin kt, swift swift, php php, perl pl,
  lua lua, shell sh, bash sh, json json, yaml yaml, toml toml, html html, css css, sql sql, csv csv, nix nix, zig zig, haskell hs,
  scala scala, dart dart, log log`
    .split(/,\s*/u)
    .map((pair) => pair.split(" "))
    .map(([language = "", extension = ""]) => [language, extension]),
);
/** Extensions that are ordinary words before "files". */
const ordinary = new Set(
  "text service timer key local map example sample patch lock out err env go r c h d properties".split(" "),
);

function extensionsIn(text: Blanking, globs: readonly string[]): readonly string[] {
  const fromGlobs = globs.flatMap((each) => /\*\.(\w{1,12})$/u.exec(each)?.[1]?.toLowerCase() ?? []);
  const dotted = text.take(/(?<![\w.])\.([a-z]\w{0,7})\b/giu).map((extension) => extension.toLowerCase());
  const spoken = [...text.rest.matchAll(/\b([a-z]+)\s+(?:source\s+|code\s+)?files?\b/giu)].flatMap((match) => {
    const word = (match[1] ?? "").toLowerCase();
    const extension = languages.get(word) ?? (fileExtensions.has(word) && !ordinary.has(word) ? word : undefined);
    if (extension === undefined) return [];
    text.takeMatch(match);
    return [extension];
  });
  return [...new Set([...fromGlobs, ...dotted, ...spoken])];
}
