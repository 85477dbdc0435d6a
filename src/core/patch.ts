/** Edits of a text as pure functions: replacing a passage, replacing line ranges, applying a unified diff. No fuzz. */
import { Fault } from "./fault.ts";

export interface LineEdit {
  /** 1-based, inclusive. */
  readonly startLine: number;
  readonly endLine: number;
  /** Takes the place of the lines; empty deletes them. */
  readonly newText: string;
}

export interface Edited {
  readonly text: string;
  /** How many passages, ranges or hunks were applied. */
  readonly applied: number;
}

interface Hunk {
  /** Index of the first old line. */
  readonly at: number;
  readonly lines: readonly HunkLine[];
}

interface HunkLine {
  readonly sign: " " | "-" | "+";
  readonly text: string;
  /** Followed by `\ No newline at end of file`. */
  readonly open: boolean;
}

/**
 * Replaces the one passage equal to `old`, or with `all` every one. Throws `failed_precondition` when there is none, or
 * more than one without `all`.
 */
export function replacePassage(text: string, old: string, replacement: string, all: boolean): Edited {
  if (old === "") throw new Fault("invalid_argument", "old is empty", { hint: "give the text to be replaced" });
  const pieces = text.split(old);
  const found = pieces.length - 1;
  if (found === 0) {
    throw new Fault("failed_precondition", "old does not occur in the file", {
      hint: "read the file and copy the passage exactly, with its white space",
    });
  }
  // Overlapping occurrences are not separate in the split, and which one is meant would be a guess.
  const ambiguous = found > 1 || text.indexOf(old, text.indexOf(old) + 1) !== -1;
  if (ambiguous && !all) {
    throw new Fault("failed_precondition", "old occurs more than once in the file", {
      hint: "include surrounding lines so that it occurs once, or pass all",
    });
  }
  return { text: pieces.join(replacement), applied: found };
}

/** Replaces ranges of lines, which may come in any order but must not overlap and must exist. */
export function replaceLines(text: string, edits: readonly LineEdit[]): Edited {
  const lines = splitLines(text);
  const sorted = edits.toSorted((a, b) => a.startLine - b.startLine);
  const out: string[] = [];
  let next = 0;
  for (const { startLine, endLine, newText } of sorted) {
    if (endLine < startLine) throw badRange(`endLine ${endLine} is before startLine ${startLine}`);
    if (startLine < 1 || endLine > lines.length) {
      throw badRange(`lines ${startLine}-${endLine} are outside the file, which has ${lines.length}`);
    }
    if (startLine - 1 < next) throw badRange(`line ${startLine} is in more than one edit`);
    copy(lines, next, startLine - 1, out);
    copy(splitLines(newText), 0, Number.POSITIVE_INFINITY, out);
    next = endLine;
  }
  copy(lines, next, lines.length, out);
  return { text: joinLines(out, text !== "" && !text.endsWith("\n")), applied: edits.length };
}

/**
 * Applies a unified diff for one file. Positions, counts, context and removed lines must all be exact; text before the
 * first `@@` is ignored. Throws `invalid_argument` for a malformed diff, `failed_precondition` for one that does not fit.
 */
export function applyPatch(text: string, patch: string): Edited {
  const hunks = parsePatch(patch);
  const lines = splitLines(text);
  const out: string[] = [];
  let next = 0;
  let open = false;
  for (const [index, hunk] of hunks.entries()) {
    if (hunk.at < next) throw misfit(index, "begins before the end of the hunk before it");
    if (hunk.at > lines.length) throw misfit(index, `begins after the last line, ${lines.length}`);
    copy(lines, next, hunk.at, out);
    next = hunk.at;
    for (const line of hunk.lines) {
      if (line.sign !== "+") {
        const old = lines[next++];
        if (old === undefined) throw misfit(index, "goes past the end of the file");
        if (withoutEnd(old) !== line.text || (line.open && old.endsWith("\n"))) throw mismatch(index, next, line, old);
        if (line.sign === "-") continue;
        if (open) throw notLast();
        out.push(old);
      } else {
        if (open) throw notLast();
        open = line.open;
        out.push(line.open ? line.text : `${line.text}\n`);
      }
    }
  }
  if (open && next < lines.length) throw notLast();
  copy(lines, next, lines.length, out);
  return { text: joinLines(out, true), applied: hunks.length };
}

function parsePatch(patch: string): readonly Hunk[] {
  const lines = splitLines(patch).map(withoutEnd);
  let at = lines.findIndex((line) => line.startsWith("@@"));
  if (at === -1) throw malformed("it has no hunk");
  const hunks: Hunk[] = [];
  while (at < lines.length) {
    const header = lines[at] ?? "";
    if (header.trim() === "") {
      at++;
      continue;
    }
    const [hunk, after] = parseHunk(lines, at);
    hunks.push(hunk);
    at = after;
  }
  return hunks;
}

function parseHunk(lines: readonly string[], start: number): readonly [Hunk, number] {
  const header = lines[start] ?? "";
  const found = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@/.exec(header);
  if (!found) {
    throw malformed(
      /^(?:diff |--- |\+\+\+ )/.test(header)
        ? "it changes more than one file"
        : `line ${start + 1} is neither a hunk header nor part of a hunk`,
    );
  }
  const [, first = "0", oldCount = "1", , newCount = "1"] = found;
  let [oldLeft, newLeft] = [Number(oldCount), Number(newCount)];
  // With no old lines the header names the line after which the new ones go.
  const position = oldLeft === 0 ? Number(first) : Number(first) - 1;
  if (position < 0) throw malformed(`line ${start + 1} counts from zero`);
  const body: HunkLine[] = [];
  let at = start + 1;
  while (oldLeft > 0 || newLeft > 0) {
    const line = lines[at++];
    if (line === undefined) throw malformed("it ends in the middle of a hunk");
    // Editors strip the single space of an empty context line.
    const sign = line === "" ? " " : line[0];
    if (sign !== " " && sign !== "-" && sign !== "+") throw malformed(`line ${at} is not part of a hunk`);
    if (sign !== "+") oldLeft--;
    if (sign !== "-") newLeft--;
    if (oldLeft < 0 || newLeft < 0) throw malformed(`the hunk at line ${start + 1} has more lines than it says`);
    const open = lines[at]?.startsWith("\\") === true;
    if (open) at++;
    body.push({ sign, text: line.slice(1), open });
  }
  if (body.length === 0) throw malformed(`the hunk at line ${start + 1} is empty`);
  return [{ at: position, lines: body }, at];
}

/** How many lines a text has; a last one without a newline counts. */
export function countLines(text: string): number {
  return splitLines(text).length;
}

// One at a time: an argument list of a hundred thousand lines would not fit the stack.
function copy(lines: readonly string[], from: number, to: number, out: string[]): void {
  for (let i = from; i < Math.min(to, lines.length); i++) out.push(lines[i] ?? "");
}

/** Lines with their newlines; only the last may lack one, and the text is their concatenation. */
function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Only the last line may stay without a newline, and it keeps that only when `openEnd`. */
function joinLines(lines: readonly string[], openEnd: boolean): string {
  const last = lines.length - 1;
  return lines.map((line, i) => (line.endsWith("\n") || (i === last && openEnd) ? line : `${line}\n`)).join("");
}

function withoutEnd(line: string): string {
  return line.endsWith("\n") ? line.slice(0, -1) : line;
}

function mismatch(index: number, line: number, wanted: HunkLine, found: string): Fault {
  const carriage = withoutEnd(found) === `${wanted.text}\r`;
  return new Fault("failed_precondition", `hunk ${index + 1} does not fit: line ${line} of the file differs`, {
    hint: carriage
      ? "the file ends its lines with CR LF; the diff must too"
      : "read the file again and make a new diff",
    data: { line, expected: wanted.text.slice(0, 200), found: withoutEnd(found).slice(0, 200) },
  });
}

function misfit(index: number, why: string): Fault {
  return new Fault("failed_precondition", `hunk ${index + 1} ${why}`, {
    hint: "read the file again and make a new diff",
  });
}

function notLast(): Fault {
  return malformed("a line marked as without newline is not the last of the file");
}

function malformed(why: string): Fault {
  return new Fault("invalid_argument", `the patch is not a unified diff for one file: ${why}`, {
    hint: "give hunks with exact line counts, as diff -u writes them",
  });
}

function badRange(why: string): Fault {
  return new Fault("invalid_argument", why, { hint: "give line ranges that exist and do not overlap" });
}
