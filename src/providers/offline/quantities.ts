/** Counts, byte sizes and durations as people write them: "top five", "over 10 MiB", "last 2 hours". */
import type { Blanking } from "./blanking.ts";

export interface Size {
  readonly bytes: number;
  readonly bound: "least" | "most" | "none";
}

const decimal: Readonly<Record<string, number>> = { b: 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const binary: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const least = "over|above|at least|more than|larger than|bigger than|exceeding|greater than|>=?";
const most = "at most|under|below|up to|smaller than|less than|the first|first|<=?";
const unit = "bytes?|b|kilobytes?|megabytes?|gigabytes?|terabytes?|[kmgt]i?b|[kmgt]";
const size = new RegExp(`(?:(${least})\\s*|(${most})\\s*)?(?<![\\w.])(\\d+(?:\\.\\d+)?)\\s?(${unit})(?!\\w)`, "giu");

/** KB, MB and GB are powers of 1000; KiB, MiB and GiB powers of 1024. */
export function sizesIn(text: Blanking): readonly Size[] {
  // A small m alone is minutes.
  const found = [...text.rest.matchAll(size)].filter((match) => match[4] !== "m");
  return found.map((match) => {
    const [whole, atLeast, atMost, amount, written = ""] = match;
    const prefix = written[0]?.toLowerCase() ?? "";
    const factor = (/^[kmgt]ib$/iu.test(written) ? binary : decimal)[prefix] ?? 1;
    text.blank(match.index, match.index + whole.length);
    return { bytes: Math.round(Number(amount) * factor), bound: atLeast ? "least" : atMost ? "most" : "none" };
  });
}

const milliseconds: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };
const duration =
  /(?<![\w.])(\d+(?:\.\d+)?)\s?(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)(?!\w)/giu;
const span = /\b(?:last|past|previous)\s+(minute|hour|day|week)\b/iu;

/** The sum of all durations in milliseconds; "the last hour" is one hour. */
export function durationIn(text: Blanking): number | undefined {
  const parts = [...text.rest.matchAll(duration)].map((match) => {
    const [whole, amount, written = ""] = match;
    text.blank(match.index, match.index + whole.length);
    return (
      Number(amount) * (/^(?:ms|milli)/iu.test(written) ? 1 : (milliseconds[written[0]?.toLowerCase() ?? ""] ?? 0))
    );
  });
  if (parts.length > 0) return parts.reduce((sum, each) => sum + each, 0);
  return milliseconds[span.exec(text.rest)?.[1]?.[0]?.toLowerCase() ?? ""];
}

export interface LineRange {
  /** Counted from 1. */
  readonly first: number;
  /** Undefined: to the end. */
  readonly count: number | undefined;
}

const lineRange = /\blines?\s+(\d{1,9})\s*(?:-|–|to|through|until|and)\s*(\d{1,9})\b/iu;
const firstLines = /\b(?:first|top)\s+(\d{1,9})\s+lines\b/iu;
const fromLine = /\bfrom\s+line\s+(\d{1,9})\b/iu;
const oneLine = /\bline\s+(\d{1,9})\b/iu;

/** The lines of a file that are asked for. */
export function linesIn(text: Blanking): LineRange | undefined {
  for (const form of [lineRange, firstLines, fromLine, oneLine]) {
    const match = form.exec(text.rest);
    if (!match) continue;
    const [a, b] = [Number(match[1]), Number(match[2])];
    if (form === lineRange && b < a) continue;
    text.blank(match.index, match.index + match[0].length);
    if (form === lineRange) return { first: a, count: b - a + 1 };
    if (form === firstLines) return { first: 1, count: a };
    return { first: a, count: form === oneLine ? 1 : undefined };
  }
  return undefined;
}

const words =
  `one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
  nineteen twenty`.split(/\s+/u);
const number = `(\\d{1,3}(?:,\\d{3})+|\\d+|${words.join("|")}|a dozen)`;
/** Largest and its like, which ask for an order by size, age or use. */
const superlative =
  "largest|biggest|smallest|heaviest|longest|newest|latest|oldest|greatest|hungriest|busiest|top|most|hottest";
const things = "files?|process(?:es)?|runs?|folders?|lines?|entries|results?|matches|items|grants?|ports?|connections?";
const counts = [
  `\\b(?:top|first|last|limit(?:ed)?(?: to)?|at most|up to|max(?:imum)?|only|latest|newest|largest|biggest)\\s+${number}\\b`,
  `\\b${number}\\s+(?:of\\s+the\\s+)?(?:\\w+\\s+)?(?:${superlative})\\b`,
  `\\b${number}\\s+(?:\\w+\\s+){0,2}(?:${things})\\b`,
].map((source) => new RegExp(source, "iu"));
const single = new RegExp(
  `\\b(?:${superlative.replace("|most", "").replace("|top", "")})\\s+(?:\\w+\\s+){0,2}(?:file|process|run|folder)\\b|\\blast run\\b`,
  "iu",
);

/** How many are asked for; one for "the largest file". */
export function countIn(text: Blanking): number | undefined {
  for (const form of counts) {
    const match = form.exec(text.rest);
    if (!match) continue;
    const written = text.takeMatch(match).toLowerCase().replaceAll(",", "");
    if (written === "a dozen") return 12;
    return words.includes(written) ? words.indexOf(written) + 1 : Number(written);
  }
  return single.test(text.rest) ? 1 : undefined;
}
