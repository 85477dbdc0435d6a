/** What an outward call would take out, as the person is shown it who must allow it: the bytes, and where each came from. */
import type { Json } from "../core/canonical.ts";
import { showInvisible } from "../core/invisible.ts";
import { byteLength, cut } from "../core/text.ts";
import { minMatch, type Provenance } from "./provenance.ts";
import { type Leaf, leavesOf } from "./said.ts";
import type { TaintSource } from "./bits.ts";

export interface Leaving {
  /** What brought words of strangers, and what brought private data, newest last. */
  readonly untrusted: readonly string[];
  readonly private: readonly string[];
  readonly fields: readonly LeavingField[];
  /** How many more there are. */
  readonly more_fields: number;
}

export interface LeavingField {
  readonly field: string;
  /** Of the whole value in UTF-8. */
  readonly bytes: number;
  /** The value as a JSON text in which everything can be seen; the beginning of a long one. */
  readonly shown: string;
  readonly is_whole: boolean;
  readonly parts: readonly LeavingPart[];
}

interface LeavingPart {
  /** In bytes of the value. */
  readonly from: number;
  readonly to: number;
  readonly origin: string;
  readonly untrusted: boolean;
  readonly private: boolean;
  readonly wrapping: string | null;
}

const maxShownBytes = 1200;
const maxFields = 24;
const maxSources = 8;
/** Lines about the parts of one field, so that those of the next are seen as well. */
const maxPartLines = 6;

export function leavingOf(input: Json, sources: readonly TaintSource[], context: Provenance): Leaving {
  const leaves = leavesOf(input).filter(({ value }) => value !== "");
  const traced = leaves.map((leaf) => ({ leaf, parts: partsOf(leaf, context) }));
  // What is private is never among the fields that are left out.
  const first = traced.filter(({ parts }) => parts.some((part) => part.private));
  const ordered = traced.length > maxFields ? [...new Set([...first, ...traced])] : traced;
  return {
    untrusted: namesOf(sources.filter((each) => each.untrusted)),
    private: namesOf(sources.filter((each) => each.private)),
    fields: ordered.slice(0, maxFields).map(fieldOf),
    more_fields: Math.max(0, leaves.length - maxFields),
  };
}

/** A text too short to be told from everyday words is not looked up. */
function partsOf({ value }: Leaf, context: Provenance): readonly LeavingPart[] {
  const text = String(value);
  if (text.length < minMatch && byteLength(text) === text.length) return [];
  return context.trace(text).map(({ from, to, origin, wrapping }) => {
    const { label, ...bits } = origin;
    return { from, to, origin: label, ...bits, wrapping };
  });
}

interface Traced {
  readonly leaf: Leaf;
  readonly parts: readonly LeavingPart[];
}

function fieldOf({ leaf: { field, value }, parts }: Traced): LeavingField {
  const text = String(value);
  const visible = showInvisible(typeof value === "string" ? JSON.stringify(text) : text).text;
  const { text: shown, truncated } = cut(visible, maxShownBytes);
  return {
    field: showInvisible(cut(JSON.stringify(field).slice(1, -1), 120).text).text,
    bytes: byteLength(text),
    shown,
    is_whole: !truncated,
    parts,
  };
}

/** The newest of them, each once. */
function namesOf(sources: readonly TaintSource[]): readonly string[] {
  const names = sources.map(
    ({ call, tool, from }) => showInvisible(call === null ? from : `${call} ${tool} ${from}`.trim()).text,
  );
  return [...new Set(names)].slice(-maxSources);
}

/** The same in lines of text. Everything in them that others wrote stands inside a JSON text or behind a name of ours. */
export function leavingLines({ untrusted, private: secret, fields, more_fields }: Leaving): readonly string[] {
  return [
    `strangers' words in this run: ${untrusted.map(quoted).join("; ") || "none"}`,
    `private data in this run: ${secret.map(quoted).join("; ") || "none"}`,
    "what would leave, and where its bytes come from:",
    ...fields.flatMap(({ field, bytes, shown, is_whole, parts }) => [
      `  ${quoted(field)}, ${bytes} bytes${is_whole ? "" : ", its beginning"}: ${shown}`,
      ...privateFirst(parts)
        .slice(0, maxPartLines)
        .map((part) => `    ${partText(part)}`),
      ...(parts.length > maxPartLines ? [`    and ${parts.length - maxPartLines} more parts`] : []),
      ...(parts.length ? [] : ["    the model's own words, as far as can be told"]),
    ]),
    ...(more_fields ? [`  and ${more_fields} more fields`] : []),
  ];
}

function privateFirst(parts: readonly LeavingPart[]): readonly LeavingPart[] {
  return [...parts.filter((part) => part.private), ...parts.filter((part) => !part.private)];
}

function partText({ from, to, origin, untrusted, private: secret, wrapping }: LeavingPart): string {
  const kinds = [secret && "private", untrusted && "strangers' words", wrapping && `in ${wrapping}`].filter(Boolean);
  return `bytes ${from}-${to} are from ${quoted(origin)}${kinds.length ? ` (${kinds.join(", ")})` : ""}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
