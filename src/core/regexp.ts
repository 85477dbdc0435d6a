/**
 * Regular expressions that cannot be made slow: a pattern becomes a small machine whose states are followed all at once,
 * so the work is the length of the line times the length of the pattern, whatever either holds. Without captures,
 * back-references and look-around, which is the price.
 */
import { Fault } from "./fault.ts";

export interface Matcher {
  /** True when the pattern matches somewhere in the line. */
  matches(line: string): boolean;
}

type Test = (unit: number) => boolean;
type Assertion = "start" | "end" | "word" | "not-word";

/** `next` are indices of nodes; a `split` goes on at all of them without reading anything. */
type Node =
  | { readonly is: "read"; readonly test: Test; readonly next: number }
  | { readonly is: "assert"; readonly what: Assertion; readonly next: number }
  | { readonly is: "split"; readonly next: readonly number[] }
  | { readonly is: "end" };

/** What a piece of pattern means, before it is laid out as nodes. */
type Piece =
  | { readonly is: "read"; readonly test: Test }
  | { readonly is: "assert"; readonly what: Assertion }
  | { readonly is: "all"; readonly of: readonly Piece[] }
  | { readonly is: "any"; readonly of: readonly Piece[] }
  | { readonly is: "repeat"; readonly of: Piece; readonly min: number; readonly max: number };

const maxPieces = 5000;
const maxRepeat = 1000;

/**
 * Understands `. [] [^] () (?:) | * + ? {n,m} ^ $ \b \B \d \D \w \W \s \S`, the escapes `\t \n \r \f \v \xhh \uhhhh`, and
 * lazy quantifiers (a line either matches or not, so they mean the same). Throws `invalid_argument` for anything else.
 */
export function compilePattern(pattern: string, options: { readonly ignore_case: boolean }): Matcher {
  const layout: Layout = { nodes: [{ is: "end" }], pieces: 0 };
  const start = lay(parse(pattern, options.ignore_case), 0, layout);
  return { matches: (line) => run(layout.nodes, start, line) };
}

function run(nodes: readonly Node[], start: number, line: string): boolean {
  let now: number[] = [];
  let next: number[] = [];
  const seen = new Uint32Array(nodes.length);
  const stack: number[] = [];
  for (let at = 0; at <= line.length; at++) {
    const mark = at + 1;
    const word = at > 0 && isWord(line.charCodeAt(at - 1));
    const unit = at < line.length ? line.charCodeAt(at) : -1;
    const edge = word !== (unit !== -1 && isWord(unit));
    next = [];
    stack.push(...now, start);
    while (stack.length > 0) {
      const index = stack.pop() ?? 0;
      if (seen[index] === mark) continue;
      seen[index] = mark;
      const node = nodes[index];
      if (node === undefined) continue;
      if (node.is === "end") return true;
      if (node.is === "split") stack.push(...node.next);
      else if (node.is === "assert") {
        if (holds(node.what, at === 0, unit === -1, edge)) stack.push(node.next);
      } else if (unit !== -1 && node.test(unit)) next.push(node.next);
    }
    now = next;
  }
  return false;
}

function holds(what: Assertion, first: boolean, last: boolean, edge: boolean): boolean {
  if (what === "start") return first;
  if (what === "end") return last;
  return what === "word" ? edge : !edge;
}

interface Layout {
  readonly nodes: Node[];
  /** Laid out so far; also counts pieces that take no node, which repetition could otherwise multiply without end. */
  pieces: number;
}

/** Lays a piece out before `next` and returns where it begins. */
function lay(piece: Piece, next: number, layout: Layout): number {
  if (++layout.pieces > maxPieces) throw wrong("it is too large", "use fewer or smaller repetitions");
  const add = (node: Node): number => layout.nodes.push(node) - 1;
  switch (piece.is) {
    case "read":
      return add({ is: "read", test: piece.test, next });
    case "assert":
      return add({ is: "assert", what: piece.what, next });
    case "all":
      return piece.of.reduceRight((after, each) => lay(each, after, layout), next);
    case "any":
      return add({ is: "split", next: piece.of.map((each) => lay(each, next, layout)) });
    case "repeat": {
      let after = next;
      if (piece.max === Number.POSITIVE_INFINITY) {
        const ways = [next];
        after = add({ is: "split", next: ways });
        ways.push(lay(piece.of, after, layout));
      } else {
        for (let i = piece.min; i < piece.max; i++) {
          after = add({ is: "split", next: [next, lay(piece.of, after, layout)] });
        }
      }
      for (let i = 0; i < piece.min; i++) after = lay(piece.of, after, layout);
      return after;
    }
  }
}

function parse(pattern: string, fold: boolean): Piece {
  let at = 0;
  let depth = 0;

  const alternatives = (): Piece => {
    if (++depth > 50) throw wrong("its groups are nested too deeply", "use fewer groups");
    const of = [sequence()];
    while (pattern[at] === "|") {
      at++;
      of.push(sequence());
    }
    depth--;
    return of.length === 1 && of[0] ? of[0] : { is: "any", of };
  };

  const sequence = (): Piece => {
    const of: Piece[] = [];
    while (at < pattern.length && pattern[at] !== "|" && pattern[at] !== ")") of.push(quantified(atom()));
    return { is: "all", of };
  };

  const quantified = (piece: Piece): Piece => {
    const found = /^(?:[*+?]|\{(\d{1,4})(,(\d{1,4})?)?\})\??/.exec(pattern.slice(at, at + 16));
    if (!found) return piece;
    at += found[0].length;
    const [sign, low, comma, high] = [found[0][0], found[1], found[2], found[3]];
    const min = sign === "{" ? Number(low) : sign === "+" ? 1 : 0;
    const most = comma === undefined ? min : high === undefined ? Number.POSITIVE_INFINITY : Number(high);
    const max = sign === "{" ? most : sign === "?" ? 1 : Number.POSITIVE_INFINITY;
    if (max < min) throw wrong("a repetition ends before it begins", "write {low,high}");
    if (min > maxRepeat || (Number.isFinite(max) && max > maxRepeat)) {
      throw wrong(`a repetition is larger than ${maxRepeat}`, "repeat less");
    }
    if (/^[*+?]/.test(pattern.slice(at))) throw wrong("a quantifier follows another", "put the first in a group");
    return { is: "repeat", of: piece, min, max };
  };

  const atom = (): Piece => {
    const sign = pattern[at++] ?? "";
    if (sign === ".") return read((unit) => unit !== 10);
    if (sign === "^") return { is: "assert", what: "start" };
    if (sign === "$") return { is: "assert", what: "end" };
    if (sign === "(") return group();
    if (sign === "[") return read(bracket());
    if (sign === "\\") return escaped();
    if ("*+?".includes(sign)) throw wrong(`${sign} has nothing to repeat`, `write \\${sign} for the character itself`);
    return read(one(sign.charCodeAt(0), fold));
  };

  const group = (): Piece => {
    if (pattern.startsWith("?:", at)) at += 2;
    else if (pattern[at] === "?") throw wrong("look-around and named groups are not supported", "use plain groups");
    const inside = alternatives();
    if (pattern[at++] !== ")") throw wrong("a group is not closed", "write \\( for the character itself");
    return inside;
  };

  const escaped = (): Piece => {
    const sign = pattern[at];
    if (sign === "b" || sign === "B") {
      at++;
      return { is: "assert", what: sign === "b" ? "word" : "not-word" };
    }
    const [unit, test] = escapeUnit();
    return read(test ?? one(unit, fold));
  };

  /** A class like `\d` as a test, anything else as its code unit. */
  const escapeUnit = (): readonly [number, Test | undefined] => {
    const sign = pattern[at++];
    if (sign === undefined) throw wrong("it ends with a backslash", "write \\\\ for the character itself");
    const set = classes[sign];
    if (set) return [-1, set];
    const plain = "tnrfv".indexOf(sign);
    if (plain !== -1) return ["\t\n\r\f\v".charCodeAt(plain), undefined];
    const digits = sign === "x" ? 2 : sign === "u" ? 4 : 0;
    if (digits > 0) {
      const hex = pattern.slice(at, at + digits);
      if (!/^[0-9a-fA-F]+$/.test(hex) || hex.length !== digits)
        throw wrong(`\\${sign} lacks its digits`, "write \\x41");
      at += digits;
      return [Number.parseInt(hex, 16), undefined];
    }
    if (/[A-Za-z0-9]/.test(sign)) throw wrong(`\\${sign} is not supported`, "see the tool's description");
    return [sign.charCodeAt(0), undefined];
  };

  const bracket = (): Test => {
    const negated = pattern[at] === "^";
    if (negated) at++;
    const tests: Test[] = [];
    for (let first = true; first || pattern[at] !== "]"; first = false) {
      if (at >= pattern.length) throw wrong("a bracket is not closed", "write \\[ for the character itself");
      const [low, set] = member();
      if (set) tests.push(set);
      else if (pattern[at] === "-" && at + 1 < pattern.length && pattern[at + 1] !== "]") {
        at++;
        const [high, other] = member();
        if (other || high < low) throw wrong("a range in brackets is out of order", "write the lower end first");
        tests.push(range(low, high, fold));
      } else tests.push(one(low, fold));
    }
    at++;
    return (unit) => tests.some((test) => test(unit)) !== negated;
  };

  const member = (): readonly [number, Test | undefined] => {
    const sign = pattern[at++] ?? "";
    return sign === "\\" ? escapeUnit() : [sign.charCodeAt(0), undefined];
  };

  const whole = alternatives();
  if (at < pattern.length)
    throw wrong("a closing parenthesis has no opening one", "write \\) for the character itself");
  return whole;
}

const isDigit: Test = (unit) => unit >= 48 && unit <= 57;
const isWord: Test = (unit) =>
  isDigit(unit) || (unit >= 65 && unit <= 90) || (unit >= 97 && unit <= 122) || unit === 95;
const isSpace: Test = (unit) => /\s/.test(String.fromCharCode(unit));
const classes: Readonly<Record<string, Test>> = {
  d: isDigit,
  D: (unit) => !isDigit(unit),
  w: isWord,
  W: (unit) => !isWord(unit),
  s: isSpace,
  S: (unit) => !isSpace(unit),
};

function read(test: Test): Piece {
  return { is: "read", test };
}

function one(unit: number, fold: boolean): Test {
  if (!fold) return (each) => each === unit;
  const both = cases(unit);
  return (each) => both.includes(each);
}

function range(low: number, high: number, fold: boolean): Test {
  const inside: Test = (unit) => unit >= low && unit <= high;
  return fold ? (unit) => cases(unit).some(inside) : inside;
}

/** A code unit with its lower and upper case where those are single units. */
function cases(unit: number): readonly number[] {
  const text = String.fromCharCode(unit);
  const others = [text.toLowerCase(), text.toUpperCase()].filter((each) => each.length === 1);
  return [unit, ...others.map((each) => each.charCodeAt(0))];
}

function wrong(why: string, hint: string): Fault {
  return new Fault("invalid_argument", `the pattern cannot be used: ${why}`, { hint });
}
