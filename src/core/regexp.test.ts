import { expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "./fault.ts";
import { compilePattern } from "./regexp.ts";

const matches = (pattern: string, line: string, ignore_case = false) =>
  compilePattern(pattern, { ignore_case }).matches(line);

const literal = fc.constantFrom(
  "a",
  "b",
  "c",
  "\\d",
  "\\w",
  "\\W",
  "\\s",
  ".",
  "[ab]",
  "[^a]",
  "[a-c1]",
  "[\\d-]",
  "\\.",
  "_",
  "\\x41",
);
const assertion = fc.constantFrom("^", "$", "\\b", "\\B");
const quantifier = fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "{1,3}?");
const { pattern } = fc.letrec<{ pattern: string; atom: string }>((tie) => ({
  pattern: fc
    .array(
      fc.array(tie("atom"), { maxLength: 4 }).map((all) => all.join("")),
      { minLength: 1, maxLength: 3 },
    )
    .map((all) => all.join("|")),
  atom: fc.oneof(
    { maxDepth: 2 },
    fc.tuple(literal, quantifier).map(([each, times]) => each + times),
    assertion,
    fc
      .tuple(fc.constantFrom("(", "(?:"), tie("pattern"), quantifier)
      .map(([open, inner, times]) => `${open}${inner})${times}`),
  ),
}));
const line = fc.string({ unit: fc.constantFrom("a", "b", "c", "A", "B", "1", " ", "_", ".", "-", "é"), maxLength: 10 });

test("it agrees with the language's own regular expressions", () => {
  fc.assert(
    fc.property(pattern, line, fc.boolean(), (source, text, ignore_case) => {
      // The other engine takes exponential time on the deepest of these.
      fc.pre(source.length <= 40);
      expect(matches(source, text, ignore_case)).toBe(new RegExp(source, ignore_case ? "i" : "").test(text));
    }),
    { numRuns: 5000 },
  );
});

test("patterns that stop a backtracking engine are answered", () => {
  const line = "a".repeat(4096);
  for (const source of [
    "(a+)+$b",
    "(a|a)*b",
    "a*a*a*a*a*a*b",
    "(a?){30}a{30}b",
    "(.*)*x",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
  ]) {
    expect(matches(source, line)).toBe(false);
  }
});

test("what it does not understand, and what is too large, is refused and not guessed", () => {
  for (const source of [
    "(",
    ")",
    "[a",
    "*a",
    "a**",
    "a{3,1}",
    "a{2000}",
    "(?=a)",
    "(?<n>a)",
    "\\1",
    "\\p{L}",
    "\\",
    "[b-a]",
    "\\xZ1",
    "(((a{100}){100}){100}){100}",
    "((((){1000}){1000}){1000}){1000}",
    "(".repeat(60),
  ]) {
    try {
      compilePattern(source, { ignore_case: false });
      throw new Error(`${source} was accepted`);
    } catch (cause) {
      expect(cause).toBeInstanceOf(Fault);
      expect((cause as Fault).code).toBe("invalid_argument");
    }
  }
});

test("any text is either a pattern or refused with a fault", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.string(), (source, text) => {
      try {
        matches(source, text);
      } catch (cause) {
        expect(cause).toBeInstanceOf(Fault);
      }
    }),
    { numRuns: 3000 },
  );
});
