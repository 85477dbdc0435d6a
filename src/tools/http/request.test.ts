/** http.request as it reads its input. */
import { expect, test } from "bun:test";
import type { Json } from "../../core/canonical.ts";
import { check } from "../../core/schema.ts";
import { request } from "./request.ts";

test.each<[string, Json]>([
  ["a text", "a"],
  ["a list", [1, "a", { b: [] }]],
  ["an object", { a: [1] }],
  ["a number", 1],
  ["a truth value", false],
])("a body that is %s stays what it is", (_, body) => {
  const input = check(request.input, { url: "https://a.example", method: "POST", body }, "http.request");
  expect(input).toMatchObject({ body });
  expect(Array.isArray((input as { readonly body: Json }).body)).toBe(Array.isArray(body));
});
