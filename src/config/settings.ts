/** Every setting, its type, range, default and meaning: the one place they are declared. Only a provider's `api_key` can hold a secret. */
import { isAbsolute, normalize } from "node:path";
import * as v from "valibot";
import { isJsonObject, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { isAddressLiteral, isPlace } from "../core/hostname.ts";
import { checkAgentName } from "../core/id.ts";
import { integer, jsonSchema, objectEntries } from "../core/schema.ts";

type Settings = v.InferOutput<typeof settingsSchema>;

/** The settings in force, and a sentence for each line of the file that has no effect. */
export type Config = Settings & { readonly warnings: readonly string[] };

/** A setting as documentation and forms need it. */
export interface ConfigField {
  /** Dotted name: `engine.tool_timeout_ms`. */
  readonly field: string;
  /** `integer from 1 to 10000`, `text`, `text or null`. */
  readonly type: string;
  readonly default: Json;
  readonly summary: string;
}

/** What `output.max_message_bytes` can be set to at most; nothing larger need ever be read. */
export const largestMessage_bytes = 67_108_864;

const text = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(4096),
  v.check(isClean, "must not hold control characters"),
);
const word = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,63}$/, "must be a name in lower case"));
const address = v.pipe(
  text,
  v.check(isAddress, "must be an http or https address without credentials, query or fragment"),
);
const variable = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of an environment variable"),
);
const modelName = v.pipe(text, v.regex(/^[a-z][a-z0-9_-]*\/.+$/, "must be PROVIDER/MODEL"));
const usd = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1_000_000));
const price = v.strictObject({ input_usd: usd, output_usd: usd, cached_usd: v.optional(usd) });

const pathPattern = v.pipe(
  text,
  v.check(
    (value) => !/[?[\]{}\\]|^\/|\/$|(?:^|\/)\.\.?(?:\/|$)/.test(value),
    "must be a pattern of paths of the workspace",
  ),
);

/** A limit that is off when null. */
function limit(schema: v.GenericSchema<number>, summary: string) {
  return setting(v.nullable(schema), null, summary);
}

const count = integer(0, 1_000_000_000_000);

/** How one provider is reached; what is null is the provider's own. */
function reach(name: string) {
  return section({
    base_url: setting(v.nullable(address), null, `Address of ${name}; null for its usual one.`),
    api_key_env: setting(
      v.nullable(variable),
      null,
      `Environment variable with the key of ${name}; null for its usual one.`,
    ),
    api_key: setting(
      v.nullable(v.pipe(v.string(), v.maxLength(4096), v.check(isClean, "must not hold control characters"))),
      null,
      `Key of ${name} in the clear; the vault is the place for it.`,
    ),
    headers: setting(v.record(v.string(), text), {}, `Headers sent to ${name} beside its own.`),
    api: setting(
      v.nullable(v.picklist(["chat", "responses"])),
      null,
      `Interface of ${name} to speak; null for its best.`,
    ),
  });
}

export const settingsSchema = v.strictObject({
  workspace: section({
    root: setting(
      v.pipe(text, v.check(isInsideRoot, "must not be the root of the file system")),
      "workspace",
      "Directory that agents work in: absolute, or relative to the home.",
    ),
  }),
  agent: section({
    default: setting(
      v.pipe(v.string(), v.check(isAgentName, "must be an agent name: lowercase letters, digits, '-' or '_'")),
      "default",
      "Agent that `ask` and `run` start when none is named.",
    ),
  }),
  model: section({
    provider: setting(word, "offline", "Provider that answers; `offline` needs no key and no network."),
    name: setting(v.nullable(text), null, "Model of the provider; null for the provider's own choice."),
    temperature: setting(
      v.nullable(v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(2))),
      null,
      "Temperature sent to the model; null leaves it to the model.",
    ),
    max_output_tokens: setting(integer(1, 200_000), 8192, "Tokens the model may answer with in one turn."),
    effort: setting(
      v.nullable(v.picklist(["none", "low", "medium", "high"])),
      null,
      "How much the model thinks before it answers; null leaves it to the model.",
    ),
    tool_calls: setting(
      v.nullable(v.picklist(["native", "text", "auto"])),
      null,
      "Whether calls are read from the model's tool interface, from its text, or both; null for what suits the provider.",
    ),
    context_tokens: setting(integer(1000, 10_000_000), 120_000, "Tokens that fit into the model's context."),
    fallback: setting(v.array(modelName), [], "Models to go on with, as PROVIDER/MODEL, when the first one fails."),
    max_attempts: setting(integer(1, 10), 3, "Attempts of one turn at one model."),
    idle_timeout_ms: setting(
      integer(100, 3_600_000),
      90_000,
      "Milliseconds without a byte after which an attempt is given up.",
    ),
    breaker_failures: setting(integer(1, 1000), 5, "Failures in a row after which a model is left alone for a while."),
    breaker_open_ms: setting(integer(100, 3_600_000), 30_000, "Milliseconds for which it is left alone."),
    prices: setting(
      v.record(modelName, price),
      {},
      "US dollars per million tokens by PROVIDER/MODEL: input_usd, output_usd, cached_usd.",
    ),
  }),
  providers: section({
    openai: reach("openai"),
    anthropic: reach("anthropic"),
    openrouter: reach("openrouter"),
    requesty: reach("requesty"),
    zai: reach("zai"),
    ollama: reach("ollama"),
    generic: reach("generic"),
  }),
  engine: section({
    max_tool_iterations: setting(integer(1, 10_000), 120, "Rounds of tool calls in one run before it is stopped."),
    tool_timeout_ms: setting(
      integer(100, 86_400_000),
      900_000,
      "Milliseconds a tool call may take unless the tool says otherwise.",
    ),
    max_concurrent_runs: setting(integer(1, 10_000), 64, "Runs that may be under way at once."),
    max_calls_per_turn: setting(integer(1, 1000), 6, "Tool calls of one turn that are carried out."),
    no_progress_turns: setting(integer(1, 1000), 6, "Turns without anything new after which a run is ended."),
    recovery_failures: setting(
      integer(1, 1000),
      2,
      "Failed calls in a row after which the model is told to change course.",
    ),
    escalation_failures: setting(integer(1, 1000), 3, "Further failures after which the agent asks for help."),
    max_depth: setting(integer(0, 16), 3, "How deep sub-agents may start sub-agents."),
    run_wall_ms: limit(integer(100, 604_800_000), "Milliseconds a run may take; null for no limit."),
  }),
  context: section({
    result_chars: setting(integer(200, 10_000_000), 6000, "Characters of a tool result the model is shown."),
    error_chars: setting(integer(100, 1_000_000), 1200, "Characters of a failed call the model is shown."),
    results_kept: setting(integer(1, 10_000), 12, "Newest tool results the model is shown in full."),
    compact_percent: setting(integer(10, 100), 80, "Share of the context at which older messages are summarised."),
    compact_keep: setting(integer(8, 10_000), 60, "Newest messages that are never summarised."),
    history_tokens: setting(integer(0, 10_000_000), 12_000, "Tokens of a session's past that a new run is given."),
    persona_bytes: setting(integer(256, 1_048_576), 16_384, "Bytes of each persona file that are used."),
    tool_bytes: setting(
      integer(0, 1_048_576),
      4500,
      "Bytes of tool descriptions in the first request; the others are found by tool.search.",
    ),
  }),
  budget: section({
    run_tokens: limit(count, "Tokens a run with its sub-agents may use; null for no limit."),
    run_usd: limit(usd, "US dollars a run with its sub-agents may cost; null for no limit."),
    run_tool_calls: limit(count, "Tool calls a run with its sub-agents may make; null for no limit."),
    agent_day_tokens: limit(count, "Tokens an agent may use in a day, by UTC; null for no limit."),
    agent_day_usd: limit(usd, "US dollars an agent may cost in a day; null for no limit."),
    agent_day_tool_calls: limit(count, "Tool calls an agent may make in a day; null for no limit."),
    day_tokens: limit(count, "Tokens all agents may use in a day; null for no limit."),
    day_usd: limit(usd, "US dollars all agents may cost in a day; null for no limit."),
    day_tool_calls: limit(count, "Tool calls all agents may make in a day; null for no limit."),
  }),
  approvals: section({
    expire_after_ms: setting(
      integer(1000, 31_536_000_000),
      86_400_000,
      "Milliseconds for which an approval can be answered.",
    ),
  }),
  taint: section({
    mode: setting(
      v.picklist(["on", "off"]),
      "on",
      "Whether a run that has read strangers' words and private data asks before it speaks outward.",
    ),
    agents: setting(
      v.record(v.pipe(v.string(), v.check(isAgentName, "must be an agent name")), v.picklist(["on", "off"])),
      {},
      "The same by agent, where it differs.",
    ),
    untrusted_paths: setting(
      v.array(pathPattern),
      ["inbox/**", "skills/**"],
      "Patterns of paths where strangers put files: whoever reads one has read strangers' words.",
    ),
    outward_paths: setting(
      v.nullable(v.array(pathPattern)),
      null,
      "Patterns of paths whose content acts by itself once it is written; null for those docs/specs/taint.md lists.",
    ),
  }),
  output: section({
    max_message_bytes: setting(
      integer(1, largestMessage_bytes),
      1_048_576,
      "Bytes of a message; a larger one is refused.",
    ),
    thinking_mode: setting(
      v.picklist(["never", "on_error", "always"]),
      "never",
      "When the model's thinking is kept and shown.",
    ),
    max_thinking_chars: setting(integer(64, 100_000), 4000, "Characters of it that are kept."),
  }),
  sandbox: section({
    tier: setting(
      v.picklist(["auto", "bwrap", "container", "landlock", "none"]),
      "auto",
      "What confines programs: the strongest this machine holds, or the one named and no other; none switches programs off.",
    ),
    uid: setting(
      integer(1, 4_294_967_293),
      61_000,
      "User that programs run as when Reeve runs as root and the workspace belongs to root; a new workspace is given to it.",
    ),
    system_paths: setting(
      v.array(v.pipe(text, v.check(isAbsolute, "must be an absolute path"))),
      [],
      "Places of the machine that programs may read, beside those every program needs.",
    ),
    memory_bytes: setting(integer(16_777_216, 1_099_511_627_776), 2_147_483_648, "Memory a program may use in all."),
    processes: setting(integer(4, 100_000), 256, "Processes and threads a program may have at once."),
    cpu_ms: setting(integer(100, 86_400_000), 600_000, "Milliseconds of processor time a program may use."),
    file_bytes: setting(integer(4096, 1_099_511_627_776), 1_073_741_824, "Bytes of one file a program may write."),
    open_files: setting(integer(16, 1_048_576), 1024, "Files a program may have open at once."),
    tmp_bytes: setting(integer(65_536, 1_099_511_627_776), 268_435_456, "Bytes of temporary files a program may have."),
    output_bytes: setting(
      integer(4096, 1_099_511_627_776),
      67_108_864,
      "Bytes a program may print before it is ended.",
    ),
    undo_bytes: setting(
      integer(0, 1_099_511_627_776),
      268_435_456,
      "Bytes of files kept for the undo before a program runs; where it may write more, it is refused.",
    ),
    undo_files: setting(
      integer(0, 10_000_000),
      50_000,
      "Files, directories and links a program may find where it writes; where there are more, it is refused.",
    ),
    image: setting(
      v.nullable(text),
      null,
      "Image of the engine for containers that programs run in where there is no bubblewrap; null for no containers.",
    ),
    engine_socket: setting(
      v.nullable(v.pipe(text, v.check(isAbsolute, "must be an absolute path"))),
      null,
      "Socket of the engine for containers; null for its usual one.",
    ),
  }),
  egress: section({
    private_hosts: setting(
      v.array(v.pipe(text, v.check(isPlace, "must be HOST:PORT, the host in lower case or a plain address"))),
      [],
      "Places on this machine or private networks, as HOST:PORT, that agents may be allowed to reach; no other ones.",
    ),
    dns_servers: setting(
      v.array(v.pipe(text, v.check(isNameServer, "must be ADDRESS or ADDRESS:PORT"))),
      [],
      "Name servers asked on behalf of agents, as ADDRESS or ADDRESS:PORT; those of the system when empty.",
    ),
    resolve_timeout_ms: setting(integer(100, 60_000), 5000, "Milliseconds a name server may take."),
    listen: setting(
      v.nullable(integer(1, 65_535)),
      null,
      "Port on 127.0.0.1 of the egress service, beside its socket in .reeve/run; null for the socket alone.",
    ),
    ca_file: setting(
      v.nullable(v.pipe(text, v.check(isAbsolute, "must be an absolute path"))),
      null,
      "File with certificate authorities in PEM that agents' requests trust beside the usual ones; null for none.",
    ),
  }),
  ledger: section({
    witness_file: setting(
      v.nullable(v.pipe(text, v.check(isAbsolute, "must be an absolute path outside the home"))),
      null,
      "File that remembers the last checkpoint, so that a rollback of the home is noticed; null for the user's state directory.",
    ),
    checkpoint_entries: setting(integer(1, 1_000_000), 256, "Entries after which a checkpoint is signed."),
    checkpoint_interval_ms: setting(
      integer(1000, 86_400_000),
      60_000,
      "Milliseconds after which new entries are under a checkpoint.",
    ),
  }),
});

function setting<const S extends v.GenericSchema, const D extends v.InferInput<S>>(
  schema: S,
  value: D,
  summary: string,
) {
  return v.optional(v.pipe(schema, v.description(summary)), value);
}

function section<const E extends v.ObjectEntries>(entries: E) {
  return v.strictObject(entries);
}

/** The schema of each setting by dotted name, in order. */
export const settingSchemas: ReadonlyMap<string, v.GenericSchema> = new Map(leaves(settingsSchema, ""));

/** A section is an object schema; a setting is one that may be left out. */
function leaves(schema: v.GenericSchema, prefix: string): readonly (readonly [string, v.GenericSchema])[] {
  return Object.entries(objectEntries(schema)).flatMap(([key, part]) => {
    const name = `${prefix}${key}`;
    return part.type === "strict_object" ? leaves(part, `${name}.`) : [[name, part] as const];
  });
}

/** The settings as a table, in order. */
export function configFields(): readonly ConfigField[] {
  return [...settingSchemas].map(([field, schema]) => {
    const described = jsonSchema(v.strictObject({ it: schema }));
    const properties = isJsonObject(described) ? described["properties"] : undefined;
    const shape = isJsonObject(properties) ? properties["it"] : undefined;
    if (!isJsonObject(shape) || shape["default"] === undefined)
      throw new Fault("internal", `setting ${field} has no description`);
    return { field, type: typeWords(shape), default: shape["default"], summary: String(shape["description"]) };
  });
}

function typeWords(shape: { readonly [key: string]: Json }): string {
  const choices = shape["anyOf"];
  if (Array.isArray(choices))
    return choices.map((each: Json) => (isJsonObject(each) ? typeWords(each) : "")).join(" or ");
  const words = shape["enum"];
  if (Array.isArray(words)) return words.join(", ");
  if (shape["type"] === "string") return "text";
  if (shape["type"] === "array") return "list of text";
  if (shape["type"] === "object") return "object";
  const range = shape["minimum"] === undefined ? "" : ` from ${shape["minimum"]} to ${shape["maximum"]}`;
  return `${shape["type"]}${range}`;
}

function isAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  // Paths are put behind it, and a query is where keys are hidden.
  return /^https?:$/.test(protocol) && username === "" && password === "" && !/[?#]/.test(value);
}

function isNameServer(value: string): boolean {
  return isAddressLiteral(value) || (isPlace(value) && isAddressLiteral(value.replace(/:\d+$/, "")));
}

function isClean(value: string): boolean {
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}

function isInsideRoot(path: string): boolean {
  return normalize(path) !== "/";
}

function isAgentName(name: string): boolean {
  try {
    return checkAgentName(name) === name;
  } catch {
    return false;
  }
}
