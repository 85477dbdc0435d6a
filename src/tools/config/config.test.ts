/** config.get and config.set: fields by dotted name, changes handed on whole. */
import { expect, test } from "bun:test";
import type { ConfigHandle } from "../../define/handles.ts";
import { callTool } from "../testdata/call.ts";
import { get } from "./get.ts";
import { set } from "./set.ts";

const config = { get: () => ({ engine: { max_concurrent_runs: 64, empty: null }, model: { provider: "offline" } }) };

test("without a field it shows all", async () => {
  expect(await callTool(get, { config })).toEqual({ config: config.get() });
});

test.each([
  ["model.provider", "offline"],
  ["engine.empty", null],
  ["model", { provider: "offline" }],
])("%s has its value", async (field, value) => {
  expect(await callTool(get, { config }, { field })).toEqual({ field, value });
});

test("a mistyped field is not found and brings the nearest", async () => {
  await expect(callTool(get, { config }, { field: "model.provder" })).rejects.toMatchObject({
    code: "not_found",
    hint: 'did you mean "model.provider"?',
  });
});

test.each(["constructor", "__proto__", "model.provider.length", "model.", "."])("%s is no field", async (field) => {
  await expect(callTool(get, { config }, { field })).rejects.toMatchObject({ code: "not_found" });
});

test("a change is handed on as it was asked, once", async () => {
  const asked: unknown[] = [];
  const handle: ConfigHandle = {
    get: config.get,
    set: async (...all) => {
      asked.push(all);
      return ["engine.max_concurrent_runs"];
    },
  };
  const updates = { "engine.max_concurrent_runs": 1e6, "x.y": ["a", null] };
  expect(await callTool(set, { config: handle }, { updates, dry_run: true })).toEqual({
    updated_fields: ["engine.max_concurrent_runs"],
    dry_run: true,
    config: config.get(),
  });
  expect(asked).toEqual([[updates, { dry_run: true }]]);
});

test("a change of nothing is refused", async () => {
  await expect(callTool(set, { config }, { updates: {} })).rejects.toMatchObject({ code: "invalid_argument" });
});
