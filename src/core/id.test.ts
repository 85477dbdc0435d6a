import { expect, test } from "bun:test";
import { checkAgentName, isId, newId } from "./id.ts";

test("ids sort by the order in which they were made", () => {
  const ids = Array.from({ length: 2000 }, newId);
  expect([...ids].sort()).toEqual(ids);
  expect(ids.every(isId)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});

for (const name of ["../../x", ".", "..", "", "a/b", "a\\b", "A", "-a", "a-", "a\0", "*", "a".repeat(65), "ä", "a b"]) {
  test(`${JSON.stringify(name)} is not an agent name`, () => {
    expect(() => checkAgentName(name)).toThrow("is not an agent name");
  });
}

test("ordinary names are agent names", () => {
  for (const name of ["default", "a", "build-bot_2", "a".repeat(64)]) expect(checkAgentName(name)).toBe(name);
});
