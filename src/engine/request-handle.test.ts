/** A tool whose URL names no method is never called: nobody could decide about it. */
import { expect, test } from "bun:test";
import * as v from "valibot";
import { resource } from "../core/schema.ts";
import { operator } from "../define/principal.ts";
import { defineTool } from "../define/tool.ts";
import { useEstate } from "./testdata/estate.ts";

const estate = useEstate();

test.each([
  ["no field that holds it", "verb"],
  ["a field that is left out", "method"],
])("%s", async (_why, method_field) => {
  let calls = 0;
  const tool = defineTool({
    name: "test.fetch",
    summary: "Fetch without a method.",
    capability: "http.request",
    effect: "network",
    needs: [],
    input: v.strictObject({
      url: resource("endpoint", { method_field }),
      method: v.optional(v.string()),
    }),
    output: v.strictObject({}),
    examples: [],
    handler: () => {
      calls++;
      return {};
    },
  });
  const engine = await estate.open({ tools: [tool] });
  expect(await engine.call(operator, "test.fetch", { url: "https://api.example.org/" })).toMatchObject({
    ok: false,
    fault: { code: "internal", message: "test.fetch: nothing says which method the request has" },
  });
  expect(calls).toBe(0);
});
