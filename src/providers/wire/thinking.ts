/**
 * Thinking that models write into their text between marks, told apart as it arrives; a mark may lie across pieces.
 * However the text is cut into pieces, the same parts of it are thinking. Time is linear in the text.
 */

interface Piece {
  readonly type: "text" | "thinking";
  readonly text: string;
}

const marks: readonly (readonly [open: string, close: string])[] = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<analysis>", "</analysis>"],
  ["<reasoning>", "</reasoning>"],
  ["<!-- think -->", "<!-- /think -->"],
];

/** What is looked for next. Letters are compared as ASCII's: other alphabets change length with their case. */
interface Wanted {
  readonly marks: readonly string[];
  readonly pattern: RegExp;
}

const longest = Math.max(...marks.flat().map((mark) => mark.length));
const outside = wanted(marks.map(([open]) => open));
const inside = new Map(marks.map(([open, close]) => [open, wanted([open, close])]));

/** Whether a text holds the mark that ends thinking, as models write it whose thinking began before their answer. */
export function endsThinking(line: string): boolean {
  return closing.test(line);
}

const closing = pattern(
  marks.map(([, close]) => close),
  "i",
);

/** Marks of the same kind may be nested; one that is never closed makes thinking of all that follows. */
export class ThinkingSplitter {
  #held = "";
  #wanted = outside;
  #depth = 0;

  push(text: string): readonly Piece[] {
    this.#held += text;
    return this.#take(false);
  }

  end(): readonly Piece[] {
    return this.#take(true);
  }

  #take(isLast: boolean): readonly Piece[] {
    const pieces: Piece[] = [];
    const held = this.#held;
    const give = (from: number, to: number): void => {
      if (to > from) pieces.push({ type: this.#depth > 0 ? "thinking" : "text", text: held.slice(from, to) });
    };
    let from = 0;
    for (;;) {
      this.#wanted.pattern.lastIndex = from;
      const found = this.#wanted.pattern.exec(held);
      if (!found) break;
      give(from, found.index);
      this.#pass(found[0].toLowerCase());
      from = found.index + found[0].length;
    }
    const to =
      held.length - (isLast ? 0 : pendingLength(held.slice(Math.max(from, held.length - longest)), this.#wanted));
    give(from, to);
    this.#held = held.slice(to);
    return pieces;
  }

  #pass(mark: string): void {
    this.#depth += mark.startsWith("</") || mark === "<!-- /think -->" ? -1 : 1;
    if (this.#depth === 0) this.#wanted = outside;
    else if (this.#depth === 1) this.#wanted = inside.get(mark) ?? this.#wanted;
  }
}

function wanted(list: readonly string[]): Wanted {
  return { marks: list, pattern: pattern(list, "gi") };
}

function pattern(list: readonly string[], flags: string): RegExp {
  return new RegExp(list.map((mark) => mark.replaceAll("/", "\\/")).join("|"), flags);
}

/** How much at the end may be the beginning of a mark. */
function pendingLength(tail: string, { marks: list }: Wanted): number {
  for (let at = tail.indexOf("<"); at >= 0; at = tail.indexOf("<", at + 1)) {
    const rest = tail.slice(at);
    const lower = rest.toLowerCase();
    if (list.some((mark) => mark.startsWith(lower))) return rest.length;
  }
  return 0;
}
