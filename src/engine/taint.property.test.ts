/** The bits only grow, do not depend on the order in which things come, and are what the journal says they are. */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { defineTool } from "../define/tool.ts";
import { type Bits, join as joined } from "./bits.ts";
import { Journal } from "./journal.ts";
import { RunTaint } from "./taint.ts";

const asIs = (text: string) => text;

const place = mkdtempSync(join(tmpdir(), "reeve-taint-"));
afterAll(() => rmSync(place, { recursive: true }));
let files = 0;

const toolWith = (bits: Bits) =>
  defineTool({
    name: "test.act",
    summary: "Bring something.",
    capability: "test.act",
    effect: "read",
    needs: [],
    flow: { ...bits, outward: false },
    input: v.strictObject({}),
    output: v.strictObject({}),
    examples: [],
    handler: () => ({}),
  });

interface Come {
  readonly declared: Bits;
  readonly met: readonly Bits[];
  readonly place: string;
}

/** What a run is told while things come into it, and what a run taken up from its journal begins with. */
function follow(all: readonly Come[]) {
  const path = join(place, `${++files}.jsonl`);
  const journal = Journal.create(path);
  const told: Bits[] = [];
  const now = () => "2026-01-01T00:00:00.000Z";
  const taint = new RunTaint(
    journal,
    (news) => {
      if (news.type === "taint") told.push({ untrusted: news.untrusted, private: news.private });
    },
    now,
  );
  const steps = all.map(({ declared, met, place: from }, i) => {
    for (const bits of met) taint.met(`call-${i}`, bits, `${from}/part`);
    taint.settle(`call-${i}`, toolWith(declared), {}, from, asIs);
    return taint.bits;
  });
  journal.close();
  const { journal: again } = Journal.resume(path);
  const resumed = new RunTaint(again, () => undefined, now);
  again.close();
  return { steps, told, end: taint.bits, sources: taint.sources, resumed };
}

const bits = fc.record({ untrusted: fc.boolean(), private: fc.boolean() });
const come: fc.Arbitrary<Come> = fc.record({
  declared: bits,
  met: fc.array(bits, { maxLength: 3 }),
  place: fc.constantFrom("a.md", "b.md", "", "x".repeat(500)),
});

test("they grow, in any order to the same, and are kept", () => {
  fc.assert(
    fc.property(fc.array(come, { maxLength: 6 }), (all) => {
      const { steps, told, end, sources, resumed } = follow(all);
      const expected = joined(...all.flatMap(({ declared, met }) => [declared, ...met]));
      expect(end).toEqual(expected);
      for (const [i, step] of steps.entries()) expect(joined(step, steps[i - 1] ?? step)).toEqual(step);
      expect(follow(all.toReversed()).end).toEqual(expected);
      expect(resumed.bits).toEqual(end);
      expect(resumed.sources).toEqual(sources);
      expect(told.length).toBeLessThanOrEqual(2);
      expect(told.at(-1) ?? end).toEqual(end);
    }),
    { numRuns: 60 },
  );
});

test("what one call met is not taken for what another one did", () => {
  const journal = Journal.create(join(place, `${++files}.jsonl`));
  const taint = new RunTaint(
    journal,
    () => undefined,
    () => "",
  );
  taint.met("call-1", { untrusted: true, private: false }, "a");
  taint.settle("call-2", toolWith({ untrusted: false, private: false }), {}, "b", asIs);
  expect(taint.bits).toEqual({ untrusted: false, private: false });
  taint.settle("call-1", toolWith({ untrusted: false, private: false }), {}, "b", asIs);
  expect(taint.sources).toMatchObject([{ call: "call-1", from: "a", untrusted: true, private: false }]);
  journal.close();
});
