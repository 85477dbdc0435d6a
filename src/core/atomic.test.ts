import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeAtomic } from "./atomic.ts";

const directory = mkdtempSync(join(tmpdir(), "reeve-atomic-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("the file is replaced whole, private, and nothing is left beside it", () => {
  const path = join(directory, "a.json");
  writeFileSync(path, "old");
  chmodSync(path, 0o644);
  writeAtomic(path, "new");
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["a.json"]);
});

test("when the name cannot be taken the old file stays and the temporary one goes", () => {
  const path = join(directory, "taken");
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path);
  expect(() => writeAtomic(path, "x")).toThrow();
  expect(readdirSync(directory).filter((name) => name.includes(".tmp"))).toEqual([]);
  rmSync(path, { recursive: true });
});
