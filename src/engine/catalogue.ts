/** The tools of this binary by name, by the earlier systems' names and by the names models see. */
import { Fault } from "../core/fault.ts";
import { didYouMean } from "../core/nearest.ts";
import { annotatedFields, fits, jsonSchema } from "../core/schema.ts";
import { isJsonObject, type Json } from "../core/canonical.ts";
import { redactUpdates } from "../config/redact.ts";
import type { CatalogueHandle } from "../define/handles.ts";
import { type ProviderContext, type ToolOffer, wireName } from "../define/provider.ts";
import type { Tool } from "../define/tool.ts";
import { mayHold } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { RunScope } from "./scope.ts";

export interface Catalogue {
  readonly tools: readonly Tool[];
  find(name: string): Tool | undefined;
  /** The fault for a name that is not here, with the nearest one as its hint. */
  missing(name: string): Fault;
}

export function catalogueOf(tools: readonly Tool[]): Catalogue {
  const byName = new Map<string, Tool>();
  for (const tool of tools) {
    for (const name of new Set([tool.name, wireName(tool), ...tool.aliases])) {
      if (byName.has(name)) throw new Fault("internal", `two tools answer to the name ${name}`);
      byName.set(name, tool);
    }
  }
  return {
    tools,
    find: (name) => byName.get(name) ?? byName.get(name.toLowerCase()),
    missing: (name) =>
      new Fault("not_found", `there is no tool named ${JSON.stringify(name.slice(0, 100))}`, {
        hint: didYouMean(name.slice(0, 100), byName.keys(), "run `reeve tools` for the list"),
      }),
  };
}

export function offerOf(tool: Tool): ToolOffer {
  const { summary, effect, phrases, examples } = tool;
  return {
    name: tool.name,
    summary,
    effect,
    phrases,
    examples: examples as readonly Json[],
    // Converted when it is looked at: most of a catalogue is never sent.
    get input() {
      return jsonSchema(tool.input);
    },
  };
}

/**
 * An input as it may be recorded: fields marked secret are replaced. Where nothing says which part is the secret, the
 * input is withheld whole: a malformed one of such a tool, and one for a tool that does not exist, whose name may be
 * mistyped.
 */
export function recordableInput(tool: Tool | undefined, input: Json): Json {
  if (!tool) return withheld;
  const secret = new Map(
    annotatedFields(tool.input).flatMap((note) => (note.secret ? [[note.field, note.secret]] : [])),
  );
  if (secret.size === 0) return input;
  if (!isJsonObject(input) || !fits(tool.input, input)) return withheld;
  const shown = (key: string, value: Json): Json => {
    const how = secret.get(key);
    return how === "by name" ? redactUpdates(value) : how ? "[secret]" : value;
  };
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, shown(key, value)]));
}

const withheld = "[withheld]";

/** What a caller may look up: the tools it holds some grant for, with the inputs they take. */
export function catalogueHandle(
  catalogue: Catalogue,
  policy: () => Policy,
  { principal, links }: Pick<RunScope, "principal" | "links">,
  rank: ProviderContext["rank"],
  now: () => number,
  walls: () => Promise<string | undefined>,
): CatalogueHandle {
  return {
    search: async (query, limit) => {
      const [current, now_ms] = [policy(), now()];
      const holders = [principal, ...links.map((link) => link.principal)];
      const held = catalogue.tools.filter(
        ({ effect, capability }) =>
          effect !== "control" && holders.every((holder) => mayHold(current, holder, capability, now_ms)),
      );
      const open = await usable(held, walls);
      const ranked = query.trim() === "" ? open.map(({ name }) => ({ id: name })) : rank(query, open.map(documentOf));
      const found = ranked.slice(0, limit).flatMap(({ id }) => open.filter(({ name }) => name === id));
      return found.map(({ name, summary, input }) => ({ name, summary, input: jsonSchema(input) }));
    },
  };
}

/** The tools that can do something here: without walls, those that run programs cannot. Asked only where there are such. */
export async function usable(
  tools: readonly Tool[],
  walls: () => Promise<string | undefined>,
): Promise<readonly Tool[]> {
  if (!tools.some(runsPrograms) || (await walls()) === undefined) return tools;
  return tools.filter((tool) => !runsPrograms(tool));
}

export function runsPrograms({ needs }: Pick<Tool, "needs">): boolean {
  return needs.includes("sandbox");
}

function documentOf({ name, summary, phrases }: Tool) {
  return { id: name, fields: [name.replaceAll(".", " "), phrases.join(" "), summary] };
}
