/** The rules of the house as a function of its tables: what one source file may import, hold, be named and look like. */
import { posix } from "node:path";
import { importsOf, tokensOf } from "./imports.ts";

/** The tables themselves stand in src/arch.test.ts. */
export interface House {
  /** Each folder and the folders it may import, lowest first. */
  readonly arrows: readonly (readonly [folder: string, mayImport: readonly string[]])[];
  /** Folders in which the parts are put together, and what those may import. */
  readonly composition: Readonly<Record<string, readonly string[]>>;
  /** Who may import a package or a built-in module; the longest matching prefix counts, and what is missing is refused. */
  readonly owners: readonly (readonly [prefix: string, folders: readonly string[] | "any"])[];
  /** Powers that need no import, and the folders that own each. */
  readonly powers: readonly (readonly [power: string, folders: readonly string[]])[];
}

/** Everything about one file that breaks a rule, as `path:line: words`; `path` is relative to the repository. */
export function findings(house: House, path: string, source: string): readonly string[] {
  const file = {
    house,
    path,
    source,
    folder: folderOf(path),
    isTest: path.endsWith(".test.ts") || path.includes("/testdata/"),
  };
  const rules = [importFindings, powerFindings, handlerFindings, causeFindings, shapeFindings];
  return rules.flatMap((rule) => rule(file)).map((words) => `${path}:${words}`);
}

interface SourceFile {
  readonly house: House;
  readonly path: string;
  readonly source: string;
  readonly folder: string;
  readonly isTest: boolean;
}

const leaves = ["tools", "providers"];
const toolchain = ["bench", "scripts"];
const vagueFile = /^(?:utils?|helpers?|common|misc|types|constants)$/;
const vagueName = /(?:Manager|Helpers?|Utils?|Impl|Data|Info)$/;

/** The folder a path belongs to; "house" for the tests at the root of src, which may see everything. */
export function folderOf(path: string): string {
  const [top, next, ...rest] = path.split("/");
  if (top !== "src") return top ?? "";
  return rest.length ? (next ?? "") : "house";
}

function allowedBy(house: House, folder: string): readonly string[] {
  return house.arrows.find(([name]) => name === folder)?.[1] ?? [];
}

function layerOf(house: House, folder: string): number {
  const allowed = allowedBy(house, folder);
  return allowed.length ? 1 + Math.max(...allowed.map((each) => layerOf(house, each))) : 0;
}

/** A test may look at its own layer and below; everything else follows the arrows. */
function mayImport({ house, folder, isTest }: SourceFile): readonly string[] {
  const folders = house.arrows.map(([name]) => name);
  if (folder === "house") return [...folders, ...Object.keys(house.composition)];
  const composed = house.composition[folder];
  if (composed) return [...composed, folder];
  if (!isTest) return [...allowedBy(house, folder), folder];
  return folders.filter((each) => layerOf(house, each) <= layerOf(house, folder));
}

type Rule = (file: SourceFile) => readonly string[];

const importFindings: Rule = (file) =>
  importsOf(file.source).flatMap(({ specifier, line }) => {
    if (specifier === undefined) return [`${line}: imports something computed`];
    if (!specifier.startsWith(".")) return packageFindings(file, specifier).map((words) => `${line}: ${words}`);
    const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
    if (target.endsWith(".json")) return [];
    if (!/\.tsx?$/.test(target)) return [`${line}: imports ${specifier} without .ts`];
    const to = folderOf(target);
    return mayImport(file).includes(to) ? [] : [`${line}: ${file.folder} may not import ${to}`];
  });

function packageFindings({ house, folder, isTest }: SourceFile, specifier: string): readonly string[] {
  if (specifier === "undici") return ['imports the stub "undici", which ignores proxies: import "undici/index.js"'];
  if (isTest || toolchain.includes(folder)) return [];
  if (leaves.includes(folder) && /^(?:node:|bun(?::|$))/.test(specifier))
    return [`${folder} may not import ${specifier}`];
  const matches = house.owners.filter(
    ([prefix]) => specifier === prefix || specifier.startsWith(/[/:]$/.test(prefix) ? prefix : `${prefix}/`),
  );
  const owner = matches.sort(([a], [b]) => b.length - a.length)[0]?.[1] ?? [];
  return owner === "any" || owner.includes(folder) ? [] : [`${folder} does not own ${specifier}`];
}

const powerFindings: Rule = ({ house, source, folder, isTest }) => {
  if (isTest || toolchain.includes(folder)) return [];
  const tokens = tokensOf(source);
  return tokens.flatMap((token, i) => {
    const before = tokens[i - 1]?.text;
    if (token.kind !== "word" || before === ".") return [];
    const full = tokens[i + 1]?.text === "." ? `${token.text}.${tokens[i + 2]?.text}` : token.text;
    if (leaves.includes(folder) && full === "import.meta") return [`${token.line}: ${folder} may not use import.meta`];
    const isMember = tokens[i + 1]?.text === ":" || tokens[i + 1]?.text === "?";
    const owner = isMember ? undefined : house.powers.find(([power]) => power === full || power === token.text)?.[1];
    return !owner || owner.includes(folder) ? [] : [`${token.line}: ${folder} does not own ${full}`];
  });
};

/** Only the door calls a tool's handler; a tool's own tests may, with fakes. */
const handlerFindings: Rule = ({ path, source, folder, isTest }) => {
  if (folder === "engine" || path === "src/define/tool.ts" || (isTest && leaves.includes(folder))) return [];
  const tokens = tokensOf(source);
  return tokens.flatMap((token, i) => {
    const before = tokens[i - 1]?.text ?? "";
    const after = tokens[i + 1]?.text ?? "";
    const reached = token.text === "handler" && (before === "." || (/^[{,]$/.test(before) && /^[},]$/.test(after)));
    const indexed = token.kind === "string" && /^["'`]?handler["'`]$/.test(token.text) && /^[[`]$/.test(before);
    return reached || indexed ? [`${token.line}: reaches a handler past the door`] : [];
  });
};

/** A fault made inside a catch block carries what it caught. */
const causeFindings: Rule = ({ source, isTest }) => {
  if (isTest) return [];
  const tokens = tokensOf(source);
  const closing = (from: number, open: string, close: string): number => {
    for (let i = from, depth = 0; i < tokens.length; i += 1) {
      if (tokens[i]?.text === open) depth += 1;
      if (tokens[i]?.text === close && --depth === 0) return i;
    }
    return tokens.length;
  };
  return tokens.flatMap((token, i) => {
    const next = tokens[i + 1]?.text;
    if (token.text !== "catch" || tokens[i - 1]?.text !== "}" || (next !== "(" && next !== "{")) return [];
    const body = next === "{" ? i + 1 : closing(i + 1, "(", ")") + 1;
    const block = tokens.slice(body, closing(body, "{", "}"));
    return block.flatMap((each, j) => {
      if (each.text !== "Fault" || block[j - 1]?.text !== "new") return [];
      const start = body + j + 1;
      const made = tokens.slice(start, closing(start, "(", ")"));
      return made.some((part) => part.text === "cause")
        ? []
        : [`${each.line}: a fault made in a catch block drops its cause`];
    });
  });
};

const shapeFindings: Rule = ({ path, source, folder, isTest }) => {
  const lines = source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
  const cap = path === "cmd/reeve/main.ts" ? 40 : 400;
  const vague = path
    .replace(/\.ts$/, "")
    .split("/")
    .find((part) => vagueFile.test(part));
  const exported = [...source.matchAll(/^export (?:async )?(?:const|function\*?|class|interface|type) (\w+)/gm)].map(
    (match) => match[1] ?? "",
  );
  return [
    ...(folder !== "crypto" && lines > cap ? [`${lines}: has more than ${cap} lines`] : []),
    ...(vague ? [`1: "${vague}" says nothing: a thing lives beside the code that owns it`] : []),
    ...(isTest || /^(?:#!.*\n)?\/\*\* ?\S?/.test(source)
      ? []
      : ["1: does not begin with a sentence saying what this is"]),
    ...exported.filter((name) => vagueName.test(name)).map((name) => `1: the name ${name} says nothing`),
  ];
};
