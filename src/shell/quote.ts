/** Words written so that a POSIX shell reads exactly them again. */
import { Fault } from "../core/fault.ts";

/** A line of shell that runs `argv` and nothing else. Throws `invalid_argument` for a NUL, which no argument can hold. */
export function quote(argv: readonly string[]): string {
  return argv.map((word, i) => (i === 0 && keywords.has(word) ? `'${word}'` : quoteWord(word))).join(" ");
}

function quoteWord(word: string): string {
  if (word.includes("\0")) {
    throw new Fault("invalid_argument", "an argument contains a NUL byte", { hint: "remove the NUL byte" });
  }
  // No `=` and no `{`: unquoted they make an assignment or an expansion.
  return /^[\w@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** First words that are the grammar's. */
const keywords: ReadonlySet<string> = new Set(
  "if then elif else fi for while until do done case esac in select function time coproc".split(" "),
);
