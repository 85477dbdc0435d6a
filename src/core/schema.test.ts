import { expect, test } from "bun:test";
import * as v from "valibot";
import { Fault } from "./fault.ts";
import { annotatedFields, check, integer, jsonSchema, resource, secretText } from "./schema.ts";

const schema = v.strictObject({
  path: resource("path", { capability: "fs.delete" }),
  max_bytes: v.optional(integer(1, 2_000_000), 262_144),
  value: v.optional(secretText()),
  nested: v.optional(v.strictObject({ limit: v.optional(integer(1, 9)) })),
});

function faultOf(value: unknown): Fault {
  try {
    check(schema, value, "demo");
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

test("an integer of a million or more arrives as it was sent, in any JSON spelling", () => {
  expect(check(schema, JSON.parse('{"path":"a","max_bytes":1e6}'), "demo").max_bytes).toBe(1_000_000);
  expect(check(schema, JSON.parse('{"path":"a","max_bytes":2000000}'), "demo").max_bytes).toBe(2_000_000);
});

test("a number outside its range is an error, never the default", () => {
  for (const max_bytes of [0, -1, 1.5, 2_000_001, Number.POSITIVE_INFINITY, "10", null, true]) {
    expect(faultOf({ path: "a", max_bytes }).code).toBe("invalid_argument");
  }
});

test("an unknown key is an error that names the nearest known one, also in a nested object", () => {
  expect(faultOf({ path: "a", max_byte: 1 }).hint).toBe('did you mean "max_bytes"?');
  expect(faultOf({ path: "a", nested: { limt: 1 } }).hint).toBe('did you mean "limit"?');
  expect(faultOf({ path: "a", zzzzzzzzzzzzzz: 1 }).hint).toStartWith("known keys: path");
});

test("every issue is listed with its path", () => {
  const fault = faultOf({ max_bytes: 0, nested: { limit: 10 } });
  expect(fault.data?.["issues"]).toHaveLength(3);
  expect(fault.message).toContain("path: required");
  expect(fault.message).toContain("nested.limit:");
});

test("annotations are read through optional and pipe", () => {
  expect(annotatedFields(schema)).toEqual([
    { field: "path", resource: { kind: "path", capability: "fs.delete" } },
    { field: "value", secret: true },
  ]);
});

test("the JSON Schema is closed and carries the annotations", () => {
  expect(jsonSchema(schema)).toMatchObject({
    type: "object",
    additionalProperties: false,
    required: ["path"],
    properties: { path: { type: "string", "x-resource": "path" }, value: { writeOnly: true } },
  });
  expect(JSON.stringify(jsonSchema(schema))).not.toContain("reeve");
});

test("__proto__ as a key is an unknown key", () => {
  expect(faultOf(JSON.parse('{"path":"a","__proto__":{"max_bytes":1}}')).code).toBe("invalid_argument");
});
