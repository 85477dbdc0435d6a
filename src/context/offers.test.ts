import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../core/canonical.ts";
import type { ToolOffer } from "../define/provider.ts";
import { chooseOffers, compactSchema } from "./offers.ts";

const offer = (name: string, summary = "Does it."): ToolOffer => ({
  name,
  summary,
  effect: "read",
  phrases: [],
  examples: [],
  input: { type: "object", properties: { path: { type: "string", maxLength: 4096 } }, additionalProperties: false },
});
const finder = offer("tool.search");
const names = (offers: readonly ToolOffer[]) => offers.map(({ name }) => name);
const wireBytes = (offers: readonly ToolOffer[]) =>
  Buffer.byteLength(
    JSON.stringify(
      offers.map(({ name, summary, input }) => ({
        type: "function",
        function: { name, description: summary, parameters: input },
      })),
    ),
  );

describe("the tools sent at first", () => {
  test("are all of them without tool.search when they fit, in a fixed order", () => {
    const offers = [
      finder,
      offer("zoo.a"),
      offer("time.now"),
      offer("fs.write"),
      offer("code.search"),
      offer("fs.read"),
    ];
    const { offered, hidden } = chooseOffers(offers, 100_000);
    expect(names(offered)).toEqual(["fs.read", "fs.write", "code.search", "time.now", "zoo.a"]);
    expect(hidden).toEqual([]);
    expect(names(chooseOffers(offers.toReversed(), 100_000).offered)).toEqual(names(offered));
  });

  test("hold tool.search when some are hidden, and the others lose none and fit", () => {
    const name = fc
      .constantFrom("fs", "code", "system", "run", "zoo")
      .chain((area) => fc.stringMatching(/^[a-z]{1,6}$/).map((verb) => `${area}.${verb}`));
    const some = fc.uniqueArray(fc.tuple(name, fc.string({ maxLength: 200 })), { maxLength: 20, selector: ([n]) => n });
    fc.assert(
      fc.property(some, fc.integer({ min: 300, max: 4000 }), (tools, max_bytes) => {
        const offers = [...tools.map(([each, summary]) => offer(each, summary)), finder];
        const { offered, hidden } = chooseOffers(offers, max_bytes);
        expect(
          names([...offered, ...hidden])
            .filter((each) => each !== "tool.search")
            .sort(),
        ).toEqual(tools.map(([each]) => each).sort());
        expect(names(offered).includes("tool.search")).toBe(hidden.length > 0);
        expect(wireBytes(offered)).toBeLessThanOrEqual(max_bytes + 2);
      }),
    );
  });

  test("are all of them where tool.search is not granted: nothing hidden could ever be found", () => {
    const offers = [offer("fs.read"), offer("fs.write")];
    expect(chooseOffers(offers, 10)).toMatchObject({ offered: { length: 2 }, hidden: [] });
  });
});

describe("a shortened schema", () => {
  test("has lost what only the door needs, at any depth", () => {
    const schema: Json = {
      $schema: "x",
      type: "object",
      properties: { a: { type: "array", items: { type: "string", minLength: 1, maxLength: 9, "x-resource": "path" } } },
      required: [],
      additionalProperties: false,
    };
    expect(compactSchema(schema)).toEqual({
      type: "object",
      properties: { a: { type: "array", items: { type: "string" } } },
    });
  });

  test("keeps fields that are named like keywords, values, bounds and what is required", () => {
    const schema: Json = {
      type: "object",
      properties: {
        maxLength: { type: "integer", minimum: 1, maximum: 5, default: 3 },
        required: { enum: [{ maxLength: 1 }, { required: [] }] },
        $schema: { const: { minLength: 2 } },
      },
      required: ["maxLength"],
      additionalProperties: { type: "string" },
      $defs: { writeOnly: { type: "null" } },
    };
    expect(compactSchema(schema)).toEqual(schema);
  });
});
