/** One spelling of a path, and no other that a server might read as it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalUrlPath, urlPathProblem } from "./url-path.ts";

const canonical = (path: string) => {
  const result = canonicalUrlPath(path);
  return "path" in result ? result.path : undefined;
};

test("paths as they are met pass as they are", () => {
  for (const path of [
    "/",
    "/repos/me/x",
    "/a/b/",
    "/v1/projects/a:run",
    "/wiki/Caf%C3%A9",
    "/~user/file.tar.gz",
    "/a;v=1/b",
    "/@scope/name",
    "/a,b&c=d$e!f'(g)*+",
    "/a...b",
    "/.well-known/x",
    "/...",
    "/a%20b",
    "/%E2%82%AC",
    `/${"a".repeat(2047)}`,
  ]) {
    expect([path, urlPathProblem(path)]).toEqual([path, undefined]);
    expect(canonical(path)).toBe(path);
  }
});

test("one character has one spelling", () => {
  expect(canonical("/%7euser/%41%2dB%5F")).toBe("/~user/A-B_");
  expect(canonical("/caf%c3%a9")).toBe("/caf%C3%A9");
});

describe("what may be read as another path is refused", () => {
  const spellings = [
    ["", "no path"],
    ["a", "no slash"],
    ["/..", "dots"],
    ["/.", "dot"],
    ["/a/../b", "dots"],
    ["/a/./b", "dot"],
    ["/a/..", "dots at the end"],
    ["/a//b", "empty segment"],
    ["//a", "empty segment first"],
    ["/a//", "empty segment last"],
    ["/%2e%2e/a", "encoded dots"],
    ["/%2E./a", "half encoded dots"],
    ["/a/%2e%2E/b", "mixed case"],
    ["/a%2fb", "encoded slash"],
    ["/a%2Fb", "encoded slash"],
    ["/a%5cb", "encoded backslash"],
    ["/a\\b", "backslash"],
    ["/a%00", "encoded NUL"],
    ["/a%0a", "encoded newline"],
    ["/a%7f", "encoded DEL"],
    ["/a%252e%252e", "encoded twice"],
    ["/a%25", "encoded percent"],
    ["/a/..;/b", "parameter of dots"],
    ["/a/..;x=1", "parameter of dots"],
    ["/a/.;/b", "parameter of a dot"],
    ["/a/..%3b/b", "encoded parameter"],
    ["/a?b", "query"],
    ["/a#b", "fragment"],
    ["/a b", "space"],
    ["/a\tb", "tab"],
    ["/a\nb", "newline"],
    ["/é", "plain beyond ASCII"],
    ["/%", "lone percent"],
    ["/%zz", "no hexadecimal"],
    ["/a%2", "cut percent"],
    ["/%c0%ae%c0%ae/", "overlong dots"],
    ["/%c0%af", "overlong slash"],
    ["/%ff", "no UTF-8"],
    ["/%ef%bc%8f", "fullwidth slash"],
    ["/%ef%bc%8e%ef%bc%8e", "fullwidth dots"],
    ["/%e2%80%a6", "an ellipsis folds into dots"],
    ["/%c2%85", "next line"],
    ["/{secret}", "brace"],
    [`/${"a".repeat(2048)}`, "too long"],
  ] as const;
  test.each(spellings)("%s (%s)", (path) => {
    expect(canonical(path)).toBeUndefined();
  });
});

test("a canonical path is a fixed point, and every decoding of it stays within its segments", () => {
  const piece = fc.constantFrom(
    "a",
    "B",
    "..",
    ".",
    "/",
    "%2e",
    "%2F",
    "%41",
    "%25",
    ";",
    "%c0%ae",
    "%C3%A9",
    "é",
    "\\",
    "?",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = canonical(`/${pieces.join("")}`);
      if (path === undefined) return;
      expect(canonical(path)).toBe(path);
      const decoded = decodeURIComponent(decodeURIComponent(path));
      expect(new URL(`http://h${decoded}`).pathname.split("/").length).toBe(path.split("/").length);
      expect(decoded.split("/").filter((each) => each === "." || each === "..")).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});
