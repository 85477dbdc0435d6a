import { expect, test } from "bun:test";
import { resolve } from "node:path";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { isPlainName, parsePath, pathText } from "./path.ts";

const root = "/srv/work space";

function codeOf(path: string): string {
  try {
    parsePath(path, [root]);
    return "accepted";
  } catch (cause) {
    if (cause instanceof Fault) return cause.code;
    throw cause;
  }
}

test("relative paths and absolute ones inside the root become the same names", () => {
  for (const path of ["a/b.txt", "./a//./b.txt", "a/b.txt/", "/srv/work space/a/b.txt", "//srv//work space/a/b.txt"]) {
    expect(parsePath(path, [root])).toEqual(["a", "b.txt"]);
  }
  expect(pathText(parsePath(".", [root]))).toBe(".");
  expect(pathText(parsePath(root, [root]))).toBe(".");
});

test.each([
  "..",
  "../x",
  "a/../../x",
  "a/..",
  "./..",
  "..\\x",
  "a\\..\\..\\x",
  "\\\\server\\share\\x",
  "//server/share/x",
  "C:x",
  "C:/x",
  "c:\\x",
  "/etc/passwd",
  "/srv/work spacex/a",
  "/srv/work",
  "/",
])("%j leaves the workspace and is refused", (path) => {
  expect(codeOf(path)).toBe("permission_denied");
});

test.each([".reeve", "a/.reeve/vault", ".REEVE/policy.json", "/srv/work space/.reeve"])(
  "%j names reeve's state and is refused",
  (path) => {
    expect(codeOf(path)).toBe("permission_denied");
  },
);

test.each(["", "a\0b", "a\nb", "a\x1b[2Jb", "a\x7f", "a\x9b", "\ud800", "x".repeat(256), "d/".repeat(2049)])(
  "%j is no path",
  (path) => {
    expect(codeOf(path)).toBe("invalid_argument");
  },
);

test("names that only look like the forbidden ones are ordinary", () => {
  for (const path of ["...", "a..b", "..a", "reeve", ".reeve2", "x.reeve", "~", "%2e%2e/x"]) {
    expect(codeOf(path)).toBe("accepted");
  }
});

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "..",
        ".",
        "/",
        "\\",
        "//",
        "C:",
        ".reeve",
        "a",
        "b c",
        "\0",
        "\n",
        "…",
        "‥",
        "．．",
        "~",
        root,
        "x:",
      ),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

test("no text that is accepted resolves outside the root, as node:path resolves it", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      let names: readonly string[];
      try {
        names = parsePath(text, [root]);
      } catch (cause) {
        expect(cause).toBeInstanceOf(Fault);
        return;
      }
      expect(resolve(root, text)).toBe(names.length === 0 ? root : `${root}/${names.join("/")}`);
      for (const name of names) expect(name).not.toMatch(/^\.{0,2}$|[/\\\0]|^\.reeve$/i);
    }),
    { numRuns: 5000 },
  );
});

test("the canonical spelling is accepted again and means the same", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      fc.pre(codeOf(text) === "accepted");
      const names = parsePath(text, [root]);
      expect(parsePath(pathText(names), [root])).toEqual(names);
    }),
  );
});

test("a name found on disk counts as plain only when a path can spell it", () => {
  expect(["a", "a b", "é"].every(isPlainName)).toBe(true);
  expect(["", ".", "..", "a\\b", "a\nb", ".reeve", "bad\uFFFD"].some(isPlainName)).toBe(false);
});
