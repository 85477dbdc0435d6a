/** Which tools a model is told of at first: the first request stays small, the others are found by tool.search. */
import { isJsonObject, type Json } from "../core/canonical.ts";
import type { ToolOffer } from "../define/provider.ts";

const search = "tool.search";

/** Tools people need most often come first; a family not named here comes after them, by name. */
const order = [
  "fs",
  "code",
  "system",
  "time",
  "network",
  "run",
  "skill",
  "agent",
  "session",
  "config",
  "policy",
  "metrics",
];

/**
 * As many tools as fit into `max_bytes` of the wire's JSON, in a fixed order, with tool.search before them when some do not;
 * all of them, without tool.search, when they fit. Their schemas are shortened to what a model needs.
 */
export function chooseOffers(
  offers: readonly ToolOffer[],
  max_bytes: number,
): { readonly offered: readonly ToolOffer[]; readonly hidden: readonly ToolOffer[] } {
  const ordered = offers.toSorted((a, b) => rankOf(a.name) - rankOf(b.name) || (a.name < b.name ? -1 : 1));
  const finder = ordered.filter(({ name }) => name === search).map(compacted);
  const others = ordered.filter(({ name }) => name !== search).map(compacted);
  // Whoever may not search could never find what is hidden.
  if (finder.length === 0) return { offered: others, hidden: [] };
  const offered: ToolOffer[] = [];
  let size = 0;
  // Once one is hidden, those after it are too: a model is not to guess at gaps in a family.
  for (const offer of others) {
    const bytes = sizeOf([offer]);
    if (size + bytes > max_bytes) break;
    offered.push(offer);
    size += bytes;
  }
  if (offered.length === others.length) return { offered, hidden: [] };
  for (size += sizeOf(finder); size > max_bytes && offered.length > 0;) size -= sizeOf(offered.splice(-1));
  return { offered: [...finder, ...offered], hidden: others.slice(offered.length) };
}

/** Shortened when it is looked at: most schemas of a large catalogue never are. */
function compacted(offer: ToolOffer): ToolOffer {
  const { name, summary, effect, phrases, examples } = offer;
  let input: Json | undefined;
  return {
    name,
    summary,
    effect,
    phrases,
    examples,
    get input() {
      input ??= compactSchema(offer.input);
      return input;
    },
  };
}

function rankOf(name: string): number {
  const at = order.indexOf(name.split(".")[0] ?? "");
  return at < 0 ? order.length : at;
}

function sizeOf(offers: readonly ToolOffer[]): number {
  return offers.reduce((sum, { name, summary, input }) => {
    const wire = { type: "function", function: { name, description: summary, parameters: input } };
    return sum + Buffer.byteLength(JSON.stringify(wire), "utf8") + 1;
  }, 0);
}

const dropped: ReadonlySet<string> = new Set(["maxLength", "minLength", "x-resource", "$schema", "writeOnly"]);
/** Keywords whose members are named by the schema's author. */
const named: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs", "definitions"]);
/** Keywords that hold values, not schemas. */
const values: ReadonlySet<string> = new Set(["const", "default", "enum", "examples"]);

/** A schema without what a model does not need: the door checks the input whatever the model was told. */
export function compactSchema(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map((each: Json) => compactSchema(each));
  if (!isJsonObject(schema)) return schema;
  const entries = Object.entries(schema).flatMap(([key, value]): readonly (readonly [string, Json])[] => {
    if (dropped.has(key)) return [];
    if (key === "additionalProperties" && value === false) return [];
    if (key === "required" && Array.isArray(value) && value.length === 0) return [];
    if (values.has(key)) return [[key, value]];
    if (named.has(key) && isJsonObject(value)) {
      return [[key, Object.fromEntries(Object.entries(value).map(([name, each]) => [name, compactSchema(each)]))]];
    }
    return [[key, compactSchema(value)]];
  });
  return Object.fromEntries(entries);
}
