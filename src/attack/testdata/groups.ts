/** Which walls are left out together, so that a few sieges show what each wall alone would. */
import type { Row } from "../run.ts";
import { type Wall, wallNames } from "../wall.ts";

/** Rows that are not as they must be when these walls are left out. */
export function surprises(rows: readonly Row[], without: ReadonlySet<string>): readonly string[] {
  return rows.flatMap(({ attack, wall, outcome, seen }) => {
    const expected = without.has(wall) ? "breached" : "held";
    return outcome === expected ? [] : [`${attack} (${wall}): ${outcome}, not ${expected}: ${seen}`];
  });
}

/** Every choice of half of so many groups, as bits: of two of them neither is part of the other. */
function halvesOf(count: number): readonly number[] {
  const chosen = (bits: number) => Array.from({ length: count }, (_, place) => (bits >> place) & 1);
  return Array.from({ length: 1 << count }, (_, bits) => bits).filter(
    (bits) => chosen(bits).filter((bit) => bit === 1).length === count >> 1,
  );
}

/**
 * Each wall is in groups of its own choice, equally many for all: for any two there is a group that leaves out the one and
 * keeps the other, so that together the groups show what each would show alone. `policy-ask` is left out by itself: without it nobody is asked,
 * and answers that nobody waits for cannot be forged.
 */
export const groups = ((): readonly (readonly Wall[])[] => {
  const numbered = wallNames.filter((wall) => wall !== "policy-ask");
  const enough = [4, 5, 6, 7, 8, 9, 10].find((count) => halvesOf(count).length >= numbered.length) ?? 0;
  const places = Array.from({ length: enough }, (_, place) => place);
  const halves = places.map((place) => numbered.filter((_, i) => ((halvesOf(enough)[i] ?? 0) >> place) & 1));
  return [["policy-ask"], ...halves];
})();
