/** The part of JSON Schema the provider can hold a model to; the engine checks the answer against the whole of it. */
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { claudeOf } from "./thinking.ts";

/** The schema to be sent for the model to be held to; undefined where the model or the schema does not allow that. */
export function formatFor(model: string, schema: Json): Json | undefined {
  const claude = claudeOf(model);
  if (!claude || claude.major * 10 + claude.minor < 45) return undefined;
  return isJsonObject(schema) && schema["type"] === "object" ? closed(schema) : undefined;
}

const kept = ["title", "description", "enum", "const", "required", "$ref"];

/** Undefined for a schema that cannot be closed without changing what fits: objects with free keys, and no type at all. */
function closed(schema: Json): Json | undefined {
  if (!isJsonObject(schema)) return undefined;
  const out: Record<string, Json> = {};
  for (const name of kept) if (schema[name] !== undefined) out[name] = schema[name];
  for (const name of ["anyOf", "allOf"]) {
    const parts = schema[name];
    if (parts === undefined) continue;
    const inner = Array.isArray(parts) ? parts.map((each: Json) => closed(each)) : [undefined];
    if (inner.includes(undefined)) return undefined;
    out[name] = inner as Json;
  }
  for (const name of ["$defs", "properties"]) {
    const members = schema[name];
    if (members === undefined) continue;
    const inner = closedMembers(members);
    if (!inner) return undefined;
    out[name] = inner;
  }
  const { type } = schema;
  if (type !== undefined) out["type"] = type;
  if (type === "array") {
    const items = schema["items"] === undefined ? undefined : closed(schema["items"]);
    if (items === undefined) return undefined;
    out["items"] = items;
  }
  if (type === "object") {
    const isFree = schema["additionalProperties"] !== undefined && schema["additionalProperties"] !== false;
    if (isFree || schema["patternProperties"] !== undefined || out["properties"] === undefined) return undefined;
    out["additionalProperties"] = false;
  }
  const says = ["type", "enum", "const", "$ref", "anyOf", "allOf"].some((name) => out[name] !== undefined);
  return says && schema["oneOf"] === undefined && schema["not"] === undefined ? out : undefined;
}

function closedMembers(members: Json): Json | undefined {
  if (!isJsonObject(members)) return undefined;
  const entries = Object.entries(members).map(([name, each]) => [name, closed(each)] as const);
  return entries.some(([, each]) => each === undefined) ? undefined : (Object.fromEntries(entries) as Json);
}
