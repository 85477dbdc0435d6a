import { expect, test } from "bun:test";
import { callTool } from "../testdata/call.ts";
import { search } from "./search.ts";

function recording() {
  const asked: unknown[] = [];
  const catalogue = {
    search: async (query: string, limit: number) => {
      asked.push([query, limit]);
      return [{ name: "fs.read", summary: "Read.", input: { type: "object" } }];
    },
  };
  return { catalogue, asked };
}

test("a search is for ten tools unless told, and shows their inputs", async () => {
  const { catalogue, asked } = recording();
  expect(await callTool(search, { catalogue }, { query: "files" })).toEqual({
    tools: [{ name: "fs.read", summary: "Read.", input: { type: "object" } }],
  });
  await callTool(search, { catalogue }, { limit: 50 });
  expect(asked).toEqual([
    ["files", 10],
    ["", 50],
  ]);
});

test.each([{ limit: 0 }, { limit: 51 }, { query: "x".repeat(1001) }, { queries: "x" }])(
  "%j is refused",
  async (input) => {
    const { catalogue, asked } = recording();
    await expect(callTool(search, { catalogue }, input)).rejects.toMatchObject({ code: "invalid_argument" });
    expect(asked).toEqual([]);
  },
);
