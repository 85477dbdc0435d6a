/** The table of behaviours kept from the earlier system names tests that exist. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const document = await Bun.file(join(root, "docs/specs/behaviours.md")).text();
const rows = [...document.matchAll(/^\| (\d+) +\| (.+?) +\| `(.+?)` +\| (.+?) +\|$/gm)].map(
  ([, number = "", , file = "", name = ""]) => ({ number, file, name }),
);

test("every row of the table is read", () => {
  expect(rows.length).toBe(document.split("\n").filter((line) => /^\| \d/.test(line)).length);
  expect(rows.length).toBeGreaterThan(30);
});

test.each(rows.map((row) => [row.number, row] as const))("behaviour %s: its test exists", async (_, { file, name }) => {
  expect(await Bun.file(join(root, file)).text()).toContain(`"${name}"`);
});
