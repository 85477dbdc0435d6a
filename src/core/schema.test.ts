import { expect, test } from "bun:test";
import * as v from "valibot";
import { Fault } from "./fault.ts";
import { annotatedFields, check, fits, integer, jsonSchema, resource, secretText } from "./schema.ts";

const schema = v.strictObject({
  path: resource("path", { capability: "fs.delete" }),
  max_bytes: v.optional(integer(1, 2_000_000), 262_144),
  value: v.optional(secretText()),
  nested: v.optional(v.strictObject({ limit: v.optional(integer(1, 9)) })),
  edits: v.optional(v.pipe(v.array(v.strictObject({ start_line: v.optional(integer(1, 9)) })), v.maxLength(3))),
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
  expect(faultOf({ path: "a", edits: [{}, { start_lin: 1 }] }).hint).toBe('did you mean "start_line"?');
  expect(faultOf({ path: "a", zzzzzzzzzzzzzz: 1 }).hint).toStartWith("known keys: path");
});

test("where a field is secret the issues repeat nothing that was sent", () => {
  for (const value of [12345678987, ["hunter2"], { hunter2: 1 }, true]) {
    const { message, hint, data } = faultOf({ path: "a", value });
    expect(message).toBe("demo: value: expected string");
    expect(JSON.stringify([message, hint, data])).not.toMatch(/hunter2|12345678987|true/);
  }
  for (const input of [{ path: "a", hunter2: 1 }, { path: "a", nested: { hunter2: 1 } }, "hunter2", ["hunter2"]]) {
    const { message, hint, data } = faultOf(input);
    expect(JSON.stringify([message, hint, data])).not.toContain("hunter2");
  }
});

test("the nearest name is said even when something else is wrong before it", () => {
  expect(faultOf({ pth: "a" }).hint).toBe('did you mean "path"?');
});

test("what an integer should have been is said", () => {
  const plain = v.strictObject({ limit: integer(1, 9) });
  const words = "demo: limit: expected a whole number but received 1.5";
  expect(() => check(plain, { limit: 1.5 }, "demo")).toThrow(words);
});

test("a list is not an object, also where no field is required", () => {
  const empty = v.strictObject({ zone: v.optional(v.string()) });
  expect(() => check(empty, [], "demo")).toThrow("demo: expected an object but received a list");
  expect(fits(empty, [])).toBe(false);
  expect(fits(empty, {})).toBe(true);
  expect(check(v.array(v.string()), [], "demo")).toEqual([]);
});

test("the hint says where the schema can be read", () => {
  expect(() => check(schema, {}, "demo", "see elsewhere")).toThrow(expect.objectContaining({ hint: "see elsewhere" }));
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

test("an annotation is not lost under a description", () => {
  const described = v.strictObject({
    url: v.pipe(resource("endpoint", { method_field: "method" }), v.description("where")),
    value: v.optional(v.pipe(v.pipe(secretText(), v.description("a")), v.description("b"))),
  });
  expect(annotatedFields(described)).toEqual([
    { field: "url", resource: { kind: "endpoint", method_field: "method" } },
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
