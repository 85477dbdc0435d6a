/** What is gathered while a line of shell is read: the commands, the files it opens by itself, and why it is not all known. */

/** One word of a command: its value where that is certain before anything runs, else its text in the line. */
export interface Word {
  readonly text: string;
  readonly literal: boolean;
  /** Present on a word that may become none or several when it runs. */
  readonly splits?: true;
}

export interface Command {
  readonly words: readonly Word[];
  /** It only starts another command, and that one is listed as well. */
  readonly wraps: boolean;
}

const maxCommands = 64;
const maxDepth = 16;

export class Reading {
  readonly commands: Command[] = [];
  readonly reads: Word[] = [];
  readonly writes: Word[] = [];
  readonly reasons = new Set<string>();
  /** Variables that hold nothing but numbers, those that may hold text, and those arithmetic looks at. */
  readonly numbers = new Set<string>();
  readonly texts = new Set<string>();
  readonly counted = new Set<string>();
  /** Whether the line changes its directory, so that a relative path names another file. */
  moves = false;

  /** `variables` are those the environment gives it, which may hold any text. */
  constructor(variables: readonly string[] = []) {
    for (const name of variables) this.texts.add(name);
  }

  unknown(reason: string): void {
    this.reasons.add(reason);
  }

  run(words: readonly Word[], wraps = false): void {
    if (this.commands.length < maxCommands) this.commands.push({ words, wraps });
    else this.unknown(`it runs more than ${maxCommands} commands`);
  }

  /** Reads what is nested within; what is nested too deeply stays unknown. */
  within(depth: number, read: () => void): void {
    if (depth > maxDepth) this.unknown("it is nested too deeply");
    else read();
  }
}

/** How a part of a line is read. */
export interface Manner {
  readonly reading: Reading;
  /** The shell is a plain POSIX one, in which what only bash knows means something else. */
  readonly posix: boolean;
  readonly depth: number;
}

/** Notes what only bash reads in the way we do. */
export function bashOnly({ reading, posix }: Manner, what: string): void {
  if (posix) reading.unknown(`${what} means something else in a plain sh`);
}

export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${Array.from(text).slice(0, 60).join("")}...` : text);
}
