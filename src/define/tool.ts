/** The noun "tool": everything callable by a model, the command line, the API or a peer is one declaration of this form. */
import type * as v from "valibot";
import type { Handles } from "./handles.ts";
import type { Principal } from "./principal.ts";

/** What a call can do to the world. `control` changes Reeve itself and belongs to ring 0. */
export type Effect = "read" | "write" | "execute" | "network" | "spend" | "control";

/**
 * What a call brings into a run and what it takes out of it: the three bits of the Rule of Two. The engine, not the model,
 * keeps them for each run.
 */
export interface Flow {
  /** Its result may hold text of strangers: the web, peers, files outside the workspace. */
  readonly untrusted: boolean;
  /** Its result may hold what is not meant for the world: files, facts about this machine, what others said. */
  readonly private: boolean;
  /** It speaks to the outside, or changes what no undo of the run brings back. */
  readonly outward: boolean;
}

export type Schema = v.GenericSchema<unknown, unknown>;
export type HandleName = keyof Handles;

/** What a handler may touch: the handles it declared in `needs`, minted by the engine from the decision, and nothing else. */
export type ToolContext<N extends HandleName = never> = Pick<Handles, N> & {
  readonly principal: Principal;
  readonly run_id: string;
  readonly call_id: string;
  /** Aborted at the deadline, on cancellation and when the run ends. */
  readonly signal: AbortSignal;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
};

/**
 * `input` and `output` are closed object schemas. `handler` returns the output and throws only Fault.
 * Names are dotted (`fs.read`); models see `fs_read`; `aliases` are the names of earlier systems.
 * Input fields marked `resource()` are what policy is asked about; fields marked `secretText()` never reach a record.
 */
export interface ToolDefinition<I extends Schema, O extends Schema, N extends HandleName> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly capability: string;
  readonly effect: Effect;
  readonly needs: readonly N[];
  /** Where it is not what `effect` implies, see `flowOf`; a function where it depends on what is asked for. */
  readonly flow?: Flow | ((input: v.InferOutput<I>) => Flow);
  /** A function where it is long: a process uses few of the tools there are, and making a schema takes time and memory. */
  readonly input: I | (() => I);
  readonly output: O | (() => O);
  /** Inputs that are valid as they stand; the first is shown in the catalogue. */
  readonly examples: readonly v.InferInput<I>[];
  /** Short phrases a person would use when this tool answers them; the offline provider ranks by them. */
  readonly phrases?: readonly string[];
  /** Milliseconds after which the call is aborted; the configured tool timeout when absent. */
  readonly timeout_ms?: number;
  handler(ctx: ToolContext<N>, input: v.InferOutput<I>): Promise<v.InferOutput<O>> | v.InferOutput<O>;
}

/** A tool as data, its types forgotten: what the engine, the catalogue and the generators hold. */
export interface Tool {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly capability: string;
  readonly effect: Effect;
  readonly needs: readonly HandleName[];
  /** For an input that was checked. */
  readonly flow: (input: unknown) => Flow;
  readonly input: Schema;
  readonly output: Schema;
  readonly examples: readonly unknown[];
  readonly phrases: readonly string[];
  readonly timeout_ms: number | undefined;
  readonly handler: (ctx: ToolContext<HandleName>, input: unknown) => unknown;
}

export function defineTool<I extends Schema, O extends Schema, N extends HandleName = never>(
  definition: ToolDefinition<I, O, N>,
): Tool {
  const { flow = flowOf(definition.effect) } = definition;
  const [input, output] = [made(definition.input), made(definition.output)];
  return {
    ...definition,
    aliases: definition.aliases ?? [],
    phrases: definition.phrases ?? [],
    timeout_ms: definition.timeout_ms,
    get input() {
      return input();
    },
    get output() {
      return output();
    },
    flow: typeof flow === "function" ? (input) => flow(input as v.InferOutput<I>) : () => flow,
    handler: (ctx, input) => definition.handler(ctx, input as v.InferOutput<I>),
  };
}

/** A schema, made when it is first looked at. */
function made(schema: Schema | (() => Schema)): () => Schema {
  let kept = typeof schema === "function" ? undefined : schema;
  return () => (kept ??= typeof schema === "function" ? schema() : schema);
}

/** Reads and writes stay inside and may meet private things; whatever runs, speaks or spends may also let a stranger in. */
function flowOf(effect: Effect): Flow {
  const goesOut = effect === "network" || effect === "execute" || effect === "spend";
  return { untrusted: goesOut, private: true, outward: goesOut || effect === "control" };
}
