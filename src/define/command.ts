/**
 * The noun "command": one verb of the command line as data. Its flags, their types and its help all come from one closed
 * valibot object schema, so a flag cannot be accepted that the schema does not check.
 */
import * as v from "valibot";
import { type FaultCode, type FaultRecord, faultCodes } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { objectEntries } from "../core/schema.ts";
import type { Schema } from "./tool.ts";

/** What a command may touch of the terminal and the process; everything else it imports by name. */
export interface CommandContext {
  /** The home named by `--home`, else the nearest one around the working directory. */
  readonly home: Home;
  /** Where a new home would be made: `--home`, else the working directory itself. */
  readonly newHome: Home;
  readonly cwd: string;
  /** The version of this binary. */
  readonly version: string;
  /** Aborted by Ctrl-C and by the termination signal. */
  readonly signal: AbortSignal;
  readonly json: boolean;
  readonly quiet: boolean;
  /** The file of `--passphrase-file`, absolute. */
  readonly passphrase_file: string | undefined;
  /** One line on stderr with the `reeve:` prefix, left out by `--quiet`. */
  note(line: string): void;
  /** Standard output, for what is shown before the result is there. */
  readonly screen: Screen;
  /** Standard error, for words about the work while it goes on. */
  readonly side: Screen;
  /** Standard input in full when it is a pipe or a file; undefined when it is a terminal, closed or a device. */
  readStandardInput(max_bytes: number, what: string): Promise<Uint8Array | undefined>;
  /** Undefined without a terminal: then nothing may be asked and the command fails with a hint. */
  readonly prompts: Prompts | undefined;
}

/** An output stream a command may write to while it works; control characters are made harmless on a terminal. */
export interface Screen {
  readonly terminal: boolean;
  readonly paint: Paint;
  write(text: string): void;
}

/** Questions to a person. Every method throws `canceled` when the person presses Ctrl-C. */
export interface Prompts {
  text(question: string, initial: string): Promise<string>;
  /** Not echoed. */
  hidden(question: string): Promise<string>;
  choose(question: string, choices: readonly Choice[], initial: string): Promise<string>;
  confirm(question: string, initial: boolean): Promise<boolean>;
}

interface Choice {
  readonly value: string;
  readonly label: string;
}

/** Marks up and lays out text for a terminal; every function is the identity when colour is off. */
export interface Paint {
  /** Cells of a line of the terminal; undefined where nothing has to fit, as into a pipe. */
  readonly width: number | undefined;
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  caution(text: string): string;
  bad(text: string): string;
}

/**
 * `name` is the verb, or `group verb`. `positionals` name the input fields taken by position; a list field takes the
 * rest. `run` returns the result, a JSON object, and throws only Fault; `render` is its text for people, without a
 * newline at the end. `failure` reads from a result that the work itself failed: the result is printed all the same
 * and the exit status is the fault's. `exit` overrules the status for commands with statuses of their own.
 */
export interface CommandDefinition<I extends Schema, R extends object> {
  readonly name: string;
  readonly summary: string;
  readonly positionals?: readonly (keyof v.InferInput<I> & string)[];
  readonly input: I;
  readonly details?: string;
  readonly examples?: readonly string[];
  readonly statuses?: readonly ExitStatus[];
  /** Said when more is given by position than the command takes. */
  readonly excess_hint?: string;
  run(ctx: CommandContext, input: v.InferOutput<I>): Promise<R> | R;
  render(result: R, paint: Paint): string;
  failure?(result: R): FaultRecord | undefined;
  exit?(result: R): number;
}

export interface ExitStatus {
  readonly status: number;
  readonly meaning: string;
}

/** A command as data, its types forgotten. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly string[];
  readonly input: Schema;
  readonly details: string;
  readonly examples: readonly string[];
  readonly statuses: readonly ExitStatus[];
  readonly excess_hint: string | undefined;
  readonly run: (ctx: CommandContext, input: unknown) => Promise<object> | object;
  readonly render: (result: object, paint: Paint) => string;
  readonly failure: (result: object) => FaultRecord | undefined;
  readonly exit: ((result: object) => number) | undefined;
}

/** A verb with sub-verbs, such as `policy`; its commands are named `policy grant`. The first is meant when none is named. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly [Command, ...Command[]];
}

export function defineCommand<const I extends Schema, R extends object>(definition: CommandDefinition<I, R>): Command {
  const { exit } = definition;
  return {
    name: definition.name,
    summary: definition.summary,
    positionals: definition.positionals ?? [],
    input: definition.input,
    details: definition.details ?? "",
    examples: definition.examples ?? [],
    statuses: definition.statuses ?? [],
    excess_hint: definition.excess_hint,
    run: (ctx, input) => definition.run(ctx, input as v.InferOutput<I>),
    render: (result, paint) => definition.render(result as R, paint),
    failure: (result) => definition.failure?.(result as R),
    exit: exit ? (result) => exit(result as R) : undefined,
  };
}

export function defineGroup(group: CommandGroup): CommandGroup {
  return group;
}

export function isGroup(entry: Command | CommandGroup): entry is CommandGroup {
  return "commands" in entry;
}

/** A field of an input schema as the command line shows it. */
export interface Flag {
  readonly field: string;
  /** `--message-file` for the field `message_file`. */
  readonly flag: string;
  readonly kind: "text" | "number" | "switch" | "list";
  readonly choices: readonly string[];
  readonly placeholder: string;
  readonly description: string;
  readonly required: boolean;
  readonly fallback: unknown;
  readonly positional: boolean;
  /** Left out of help, completion and documents. */
  readonly hidden?: true;
}

/** Gives a field its placeholder and its sentence in the help. The field may be left out. */
export function option<const S extends v.GenericSchema>(schema: S, placeholder: string, description: string) {
  return v.optional(described(schema, placeholder, description));
}

/** Like `option`, for a field that must be given. */
export function described<const S extends v.GenericSchema>(schema: S, placeholder: string, description: string) {
  return v.pipe(
    schema,
    v.title<v.InferOutput<S>, string>(placeholder),
    v.description<v.InferOutput<S>, string>(description),
  );
}

/** Like `option`, for a flag that help, completion and documents leave out. */
export function unlisted<const S extends v.GenericSchema>(schema: S, placeholder: string, description: string) {
  return v.optional(v.pipe(described(schema, placeholder, description), v.metadata({ hidden: true })));
}

/** A flag without a value: absent is false. */
export function toggle(description: string) {
  return v.optional(v.pipe(v.boolean(), v.description(description)), false);
}

/** The flags and positional arguments of a command, in declaration order. */
export function flagsOf(command: Pick<Command, "input" | "positionals">): readonly Flag[] {
  return Object.entries(objectEntries(command.input)).map(([field, schema]) => {
    const member = unwrapped(schema);
    const positional = command.positionals.includes(field);
    return {
      field,
      flag: `--${field.replaceAll("_", "-")}`,
      kind: kindOf(member.type),
      choices: member.options ?? [],
      placeholder: note(member, "title") ?? (member.options ?? [field]).join("|").toUpperCase(),
      description: note(member, "description") ?? "",
      required: !("wrapped" in schema),
      fallback: "default" in schema ? schema.default : undefined,
      positional,
      ...(member.pipe?.some((part) => part.metadata?.["hidden"] === true) ? { hidden: true } : {}),
    };
  });
}

interface Member {
  readonly type: string;
  readonly options?: readonly string[];
  readonly pipe?: readonly {
    readonly type: string;
    readonly title?: string;
    readonly description?: string;
    readonly metadata?: Readonly<Record<string, unknown>>;
    readonly pipe?: Member["pipe"];
  }[];
}

function unwrapped(schema: unknown): Member {
  const own = schema as Member & { readonly wrapped?: unknown };
  return own.wrapped ? unwrapped(own.wrapped) : own;
}

function note(member: Pick<Member, "pipe">, key: "title" | "description"): string | undefined {
  for (const part of member.pipe?.toReversed() ?? []) {
    if (part.type === key) return part[key];
    const inner = part.pipe && part !== member ? note({ pipe: part.pipe }, key) : undefined;
    if (inner) return inner;
  }
  return undefined;
}

function kindOf(type: string): Flag["kind"] {
  if (type === "number") return "number";
  if (type === "boolean") return "switch";
  return type === "array" ? "list" : "text";
}

const meanings: Readonly<Record<FaultCode, string>> = {
  invalid_argument: "a command, flag or value was not understood",
  permission_denied: "policy or the operating system said no",
  failed_precondition: "something has to be done first",
  unauthenticated: "wrong passphrase or key",
  not_found: "no such thing",
  already_exists: "it is there already",
  resource_exhausted: "a limit, the disk or a quota is used up",
  unavailable: "not reachable or not writable now; try again",
  deadline_exceeded: "it took too long",
  data_loss: "stored data does not verify; nothing was repaired",
  unimplemented: "not part of this version",
  canceled: "interrupted before the end",
  internal: "a defect in Reeve; the stack is on stderr",
};

/** The table of exit statuses as every help ends with it: 0, the fault table, then the command's own. */
export function exitStatuses(own: readonly ExitStatus[] = []): readonly ExitStatus[] {
  const faults = Object.entries(faultCodes).map(([code, { exit }]) => ({
    status: exit,
    meaning: `${code}: ${meanings[code as FaultCode]}`,
  }));
  const table = new Map([{ status: 0, meaning: "done" }, ...faults, ...own].map((row) => [row.status, row.meaning]));
  return [...table].map(([status, meaning]) => ({ status, meaning })).sort((a, b) => a.status - b.status);
}
