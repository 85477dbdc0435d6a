/** What policy is asked about a call: the fields of its input that name resources, each in its one canonical form. */
import { posix } from "node:path";
import { Fault } from "../core/fault.ts";
import { annotatedFields, type ResourceNote } from "../core/schema.ts";
import { byteLength } from "../core/text.ts";
import type { Tool } from "../define/tool.ts";
import type { ResourceRequest } from "../policy/decide.ts";
import type { Commands } from "../shell/gather.ts";
import type { Door } from "./door.ts";

/** More would not fit into the entry of the ledger that names them. */
const maxBytes = 32_768;

type Place = Pick<Door, "canonicalPath" | "endpoint">;
type Fields = Readonly<Record<string, unknown>>;

/** Throws as `canonicalPath` does, and `resource_exhausted` for more than a record can hold. */
export async function resourcesOf(door: Place, tool: Tool, input: unknown): Promise<readonly ResourceRequest[]> {
  const fields = input as Fields;
  const named: ResourceRequest[] = [];
  for (const { field, resource } of annotatedFields(tool.input)) {
    const value = fields[field];
    if (!resource || value === undefined) continue;
    const { kind } = resource;
    const capability = resource.capability ?? tool.capability;
    if (kind === "command" || kind === "line") {
      const commands = await commandsIn(fields, value, kind);
      named.push(...requestsOf(door, capability, commands, fields));
    } else {
      const texts = textsOf(tool, field, value).map((each) => spelled(door, tool, fields, resource, each));
      named.push(...texts.map((each) => ({ capability, kind, value: each })));
    }
  }
  const distinct = [...new Map(named.map((each) => [JSON.stringify(each), each])).values()];
  if (byteLength(JSON.stringify(distinct)) > maxBytes) {
    throw new Fault("resource_exhausted", `${tool.name}: it names more than a record can hold`, {
      hint: "put long arguments into a file or the standard input",
    });
  }
  return distinct;
}

/** What policy cannot be asked about must not pass unasked. */
function textsOf(tool: Tool, field: string, value: unknown): readonly string[] {
  const values = Array.isArray(value) ? value : [typeof value === "number" ? String(value) : value];
  const texts = values.filter((each) => typeof each === "string");
  if (texts.length === values.length) return texts;
  throw new Fault("internal", `${tool.name}: ${field} names a resource and is no text`);
}

function spelled(door: Place, tool: Tool, fields: Fields, note: ResourceNote, value: string): string {
  if (note.kind === "path") return door.canonicalPath(value);
  if (note.kind !== "endpoint") return value;
  if (note.method_field === undefined) return `CONNECT ${value}`;
  const method = fields[note.method_field];
  if (typeof method === "string") return door.endpoint(method, value);
  throw new Fault("internal", `${tool.name}: nothing says which method the request has`);
}

/** The grammar of the shell is loaded by the first call that needs it. */
async function commandsIn({ args, env }: Fields, value: unknown, kind: "command" | "line"): Promise<Commands> {
  const variables = Object.keys(env ?? {});
  if (kind === "line") return (await import("../shell/commands.ts")).commandsOf(String(value), variables);
  const words = (Array.isArray(value) ? value : [value, ...(Array.isArray(args) ? args : [])]).map(String);
  const { plainCommandsOf } = await import("../shell/vector.ts");
  return plainCommandsOf(words, variables) ?? (await import("../shell/commands.ts")).commandsOfArgv(words, variables);
}

/** One for each command; one of which nothing is known where the reading was not sure, and where there is nothing at all. */
function requestsOf(
  door: Place,
  capability: string,
  { commands, unknown }: Commands,
  { cwd }: Fields,
): readonly ResourceRequest[] {
  const known = commands.map(({ words, wraps }): ResourceRequest => {
    const [program, ...rest] = words.map(({ text, literal }) => (literal ? text : null));
    const value = JSON.stringify([program == null ? null : canonicalProgram(door, program, cwd), ...rest]);
    return { capability, kind: "command", value, ...(wraps ? { wraps } : {}) };
  });
  const why = unknown.length > 0 ? unknown.join("; ") : known.length === 0 ? "it runs nothing" : undefined;
  return why === undefined ? known : [...known, { capability, kind: "command", value: "[null]", why }];
}

/**
 * A program as policy knows it: by its name where it stands in a directory that is searched anyway, as `./PATH` from the
 * root of the workspace where it lies in that, whatever the working directory; else as it is written.
 */
function canonicalProgram(door: Place, program: string, cwd: unknown): string {
  if (!program.includes("/")) return program;
  const inside = posix.resolve("/work", typeof cwd === "string" ? cwd : ".", program);
  if (inside.startsWith("/work/")) return `./${door.canonicalPath(inside.slice("/work/".length))}`;
  const [, name] = /^\/(?:usr\/(?:local\/)?)?s?bin\/([^/]+)$/.exec(inside) ?? [];
  return name ?? inside;
}
