/** Whether an answer fits the JSON Schema it was asked for. */
import { type Schema, Validator } from "@cfworker/json-schema";
import { isJsonObject, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { answerValue } from "./answer-value.ts";

/** Why the text is not JSON that fits, or undefined when it does. */
export function answerProblem(schema: Json, text: string): string | undefined {
  const value = answerValue(text);
  if (value === undefined) return "it is not JSON";
  const { valid, errors } = new Validator(schemaOf(schema), "2020-12", false).validate(value);
  if (valid) return undefined;
  const words = errors.slice(-3).map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
  return words.join("; ") || "it does not fit";
}

/** Throws `invalid_argument` for what cannot be a schema. */
function schemaOf(schema: Json): Schema {
  if (isJsonObject(schema)) return schema as Schema;
  throw new Fault("invalid_argument", "the schema is no JSON object", { hint: 'write {"type": "object", ...}' });
}
