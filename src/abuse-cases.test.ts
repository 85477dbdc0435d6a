/** The table of abuse cases is true: each row names a test that exists, and each case that this binary can meet has a row. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const document = await Bun.file(join(root, "docs/security/abuse-cases.md")).text();

const rows = [...document.matchAll(/^\| (10\.\d+\.\d+) +\| (.+?) +\| `(.+?)` +\| (.+?) +\|$/gm)].map(
  ([, id, attack, file, name]) => ({
    id: id ?? "",
    attack: attack ?? "",
    file: file ?? "",
    name: name ?? "",
  }),
);

const reachable = [
  ...[
    "10.1.1",
    "10.1.2",
    "10.1.3",
    "10.1.4",
    "10.1.5",
    "10.1.6",
    "10.1.7",
    "10.1.8",
    "10.1.9",
    "10.1.10",
    "10.1.11",
    "10.1.12",
  ],
  ...["10.2.15", "10.2.17", "10.2.18", "10.2.19", "10.2.20", "10.2.21", "10.2.22", "10.2.23", "10.2.24"],
  ...["10.2.25", "10.2.26", "10.2.28", "10.2.29"],
];

test("every row of the table is read", () => {
  expect(rows.length).toBe(document.split("\n").filter((line) => line.startsWith("| 10.")).length);
});

test("every case this binary can meet has a row, and every row is such a case", () => {
  expect([...new Set(rows.map((row) => row.id))].sort()).toEqual(reachable.toSorted());
});

test.each(rows.map((row) => [row.id, row.attack, row] as const))(
  "%s, %s: its test exists",
  async (_id, _attack, row) => {
    const source = await Bun.file(join(root, row.file)).text();
    expect(source).toContain(`test("${row.name}", `);
  },
);
