/** secrets.*: names and versions come out, values only go in. */
import { expect, test } from "bun:test";
import { annotatedFields } from "../../core/schema.ts";
import type { SecretsHandle } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { list } from "./list.ts";
import { remove } from "./remove.ts";
import { rotate } from "./rotate.ts";
import { set } from "./set.ts";

const facts = (name: string, version = 1) => ({ name, version, epoch: 1, created_at: "2026-01-01T00:00:00.000Z" });
const secrets: SecretsHandle = {
  list: async () => [facts("b"), facts("a")],
  set: async (name) => facts(name, name === "known" ? 2 : 1),
  remove: async (name) => name === "known",
  rotate: async () => 7,
};

test("secrets are listed by name, sorted", async () => {
  expect(await callTool(list, { secrets })).toEqual({ secrets: [facts("a"), facts("b")], count: 2 });
});

test("setting tells whether the name was known, and nothing of the value", async () => {
  expect(await callTool(set, { secrets }, { key: "known", value: "s3cr3t-value" })).toEqual({
    key: "known",
    updated: true,
    version: 2,
  });
  expect(await callTool(set, { secrets }, { key: "new", value: "s3cr3t-value" })).toEqual({
    key: "new",
    updated: false,
    version: 1,
  });
});

test("a refused value is not repeated in the fault", async () => {
  const attempt = callTool(set, { secrets }, { key: "k", value: "s3cr3t-value", extra: true });
  await expect(attempt).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.not.stringContaining("s3cr3t"),
  });
});

test("an empty value is refused", async () => {
  await expect(callTool(set, { secrets }, { key: "k", value: "" })).rejects.toMatchObject({ code: "invalid_argument" });
});

test("only the value is marked as never to be recorded, and the key as what policy is asked about", () => {
  expect(annotatedFields(set.input)).toEqual([
    { field: "key", resource: { kind: "name" } },
    { field: "value", secret: true },
  ]);
});

test("removing an unknown secret is an answer, not a fault", async () => {
  expect(await callTool(remove, { secrets }, { key: "known" })).toEqual({ key: "known", removed: true });
  expect(await callTool(remove, { secrets }, { key: "other" })).toEqual({ key: "other", removed: false });
});

test("rotating tells the new epoch", async () => {
  expect(await callTool(rotate, { secrets })).toEqual({ epoch: 7 });
});
