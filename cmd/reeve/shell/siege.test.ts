/** What the attacks look like at the command line, and which flags go together. */
import { expect, test } from "bun:test";
import { areas } from "../../../src/attack/index.ts";
import type { Row } from "../../../src/attack/run.ts";
import type { CommandContext } from "../../../src/define/command.ts";
import { doctor } from "../doctor.ts";
import { attackAll, requireAttack, siegeText } from "./siege.ts";

const paint = {
  width: 80,
  strong: String,
  faint: String,
  good: String,
  caution: String,
  bad: String,
};

const rowsWith = (outcome: Row["outcome"]): readonly Row[] =>
  areas.flatMap(({ attacks }) =>
    attacks.map(({ id, title, expects }) => ({
      attack: id,
      title,
      wall: expects,
      outcome,
      seen: "the call was made",
      duration_ms: 12_345,
    })),
  );

const besieged = (attacks: readonly Row[]) => ({
  attacks,
  held: attacks.filter(({ outcome }) => outcome === "held").length,
  breached: attacks.filter(({ outcome }) => outcome === "breached").length,
  inconclusive: attacks.filter(({ outcome }) => outcome === "inconclusive").length,
  errands: null,
  without: [],
  kept: null,
});

test("the table of every attack keeps within 80 columns, a line each", () => {
  const attacks = rowsWith("held");
  const lines = siegeText(besieged(attacks), paint).split("\n");
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.length).toBe(attacks.length + 3);
  expect(lines.at(-1)).toBe(`${attacks.length} attacks, ${attacks.length} held, 0 breached, 0 inconclusive`);
});

test("what did not hold is said once more with what was seen", () => {
  const [one] = rowsWith("breached");
  if (!one) throw new Error("no attack");
  expect(siegeText(besieged([one]), paint)).toContain(`${one.attack}: ${one.title}: the call was made`);
});

test("the exit status is 0 only when every attack was held", () => {
  expect(doctor.exit?.(besieged(rowsWith("held")))).toBe(0);
  for (const outcome of ["breached", "inconclusive"] as const) {
    expect(doctor.exit?.(besieged([...rowsWith("held"), ...rowsWith(outcome).slice(0, 1)]))).toBe(1);
  }
});

test("errands are counted, those asked about or failed named, and too many of them change the exit status", () => {
  const errands = { total: 60, done: 58, asked: ["link: it waits"], failed: ["count: no walls"] };
  const result = { ...besieged(rowsWith("held")), errands: { ...errands, smooth: false } };
  const text = siegeText(result, paint);
  expect(text).toContain(
    "asked about: link: it waits\nfailed: count: no walls\n60 errands, 58 done without a question",
  );
  expect(doctor.exit?.(result)).toBe(1);
  expect(doctor.exit?.({ ...result, errands: { ...errands, smooth: true } })).toBe(0);
});

test.each([
  ["--fix with --attack", true, { fix: true }],
  ["--online with --attack", true, { online: true }],
  ["--area without --attack", false, { area: "path" }],
  ["--keep without --attack", false, { keep: true }],
  ["--without without --attack", false, { without: ["witness"] }],
])("%s is refused", (_, attack, some) => {
  expect(() => requireAttack(attack, { fix: false, online: false, keep: false, ...some })).toThrow(
    expect.objectContaining({ code: "invalid_argument" }),
  );
});

test("an unknown area or wall is refused before anything is made, and the nearest one named", async () => {
  const ctx = {} as CommandContext;
  const hintOf = (wish: { readonly area?: string; readonly without?: readonly string[] }) =>
    attackAll(ctx, { keep: false, ...wish }).then(
      () => "nothing was refused",
      (fault: { readonly hint: string }) => fault.hint,
    );
  expect(await hintOf({ area: "polcy" })).toContain("policy");
  expect(await hintOf({ without: ["witnes"] })).toContain("witness");
});
