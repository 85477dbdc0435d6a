import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findHome, homeAt } from "./home.ts";
import { makePinDirectory, pinOf, setAsidePins } from "./pin.ts";

const root = mkdtempSync(join(tmpdir(), "reeve-home-"));
afterAll(() => rmSync(root, { recursive: true }));

test("the home is the one named, else the nearest ancestor with a .reeve, else here", () => {
  const inner = join(root, "a", "b");
  mkdirSync(inner, { recursive: true });
  mkdirSync(join(root, "a", ".reeve"));
  expect(findHome(undefined, inner).root).toBe(join(root, "a"));
  expect(findHome("../c", inner).root).toBe(join(root, "a", "c"));
  expect(findHome(undefined, root).root).toBe(root);
});

test("pins live in the user state directory, apart for each home", () => {
  const env = { XDG_STATE_HOME: join(root, "state") };
  const one = pinOf(homeAt(join(root, "one")), null, env);
  const two = pinOf(homeAt(join(root, "two")), null, env);
  expect(one.witness).toStartWith(join(root, "state", "reeve"));
  expect(one.witness).not.toBe(two.witness);
  expect(pinOf(homeAt(root), null, { HOME: "/home/u" }).keys).toStartWith("/home/u/.local/state/reeve/");
});

test("a witness path must be absolute, and an earlier home's pins are put aside, not removed", () => {
  const home = homeAt(join(root, "one"));
  expect(() => pinOf(home, "relative.note", {})).toThrow("not an absolute path");
  const pin = pinOf(home, join(root, "w", "note"), {});
  makePinDirectory(pin);
  writeFileSync(pin.keys, "old key");
  expect(setAsidePins(pin, "stamp")).toEqual([`${pin.keys}.stamp`]);
  expect(existsSync(pin.keys)).toBe(false);
  expect(readdirSync(join(root, "w"))).toEqual(["note.vkey.stamp"]);
});

test("a witness that would be rolled back with the home is refused, chosen or not", () => {
  const home = homeAt(join(root, "one"));
  for (const inside of [join(home.root, "note"), join(home.state, "note"), join(home.root, "..", "one", "x", "note")])
    expect(() => pinOf(home, inside, {})).toThrow("inside the home");
  expect(() => pinOf(home, null, { XDG_STATE_HOME: home.state })).toThrow("inside the home");
  expect(() => pinOf(home, null, { XDG_STATE_HOME: join(home.root, "workspace", "s") })).toThrow("inside the home");
  expect(pinOf(home, null, { HOME: home.root }).witness).toStartWith(join(home.root, ".local/state"));
  expect(pinOf(home, `${home.root}-beside`, {}).witness).toBe(`${home.root}-beside`);
});
