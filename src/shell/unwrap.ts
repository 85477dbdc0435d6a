/** Programs that start another: the other is found and read as well. Where that cannot be done, the command stays unknown. */
import { readBuiltin } from "./builtins.ts";
import { type Form, forms, launchedBy, withHoles } from "./launchers.ts";
import { type Manner, shown, type Word } from "./reading.ts";

export type ReadLine = (line: string, manner: Manner) => void;

const shells: ReadonlyMap<string, "bash" | "posix" | "other"> = new Map([
  ["bash", "bash"],
  ...["sh", "dash", "ash"].map((name) => [name, "posix"] as const),
  ...["zsh", "ksh", "mksh", "fish", "csh", "tcsh", "pwsh", "rbash"].map((name) => [name, "other"] as const),
]);

const standardPlace = /^\/(?:usr\/)?s?bin\/([^/]+)$/;

/** Reads one simple command: itself, and the commands it starts. */
export function readCommand(words: readonly Word[], manner: Manner, line: ReadLine): void {
  const { reading } = manner;
  const [program, ...rest] = words;
  if (!program) return;
  if (!program.literal || program.text === "") {
    reading.unknown(
      program.literal ? "the name of a program is empty" : `${shown(program.text)} is known only when it runs`,
    );
    reading.run(words);
    return;
  }
  const name = standardPlace.exec(program.text)?.[1] ?? program.text;
  const shell = shells.get(name);
  const launcher = forms.get(name);
  if (shell) readShell(shell, words, manner, line);
  else if (name === "eval") readEval(words, manner, line);
  else if (name === "find") readFind(words, manner, line);
  else if (launcher && !/^-[vV]+$/.test(name === "command" ? (rest[0]?.text ?? "") : "")) {
    readLauncher(launcher, words, manner, line);
  } else {
    reading.run(words);
    readBuiltin(program.text, rest, manner, line);
  }
}

function readLauncher(form: Form, words: readonly Word[], manner: Manner, line: ReadLine): void {
  const { reading } = manner;
  const inner = launchedBy(form, words, reading);
  if (typeof inner === "string") {
    reading.unknown(inner);
    reading.run(words);
  } else {
    reading.run(words, inner.length > 0 && form.wraps);
    readCommand(inner, manner, line);
  }
}

function readShell(kind: "bash" | "posix" | "other", words: readonly Word[], manner: Manner, line: ReadLine): void {
  const { reading, depth } = manner;
  const given = kind === "other" ? { reason: `the language of ${words[0]?.text} is not read` } : givenTo(words);
  reading.run(words, "line" in given);
  if ("reason" in given) reading.unknown(given.reason);
  if (!("line" in given)) return;
  reading.within(depth, () => line(given.line, { reading, posix: kind === "posix", depth: depth + 1 }));
}

/** What a shell is given to run: a line, a file of its own name, or what cannot be told. */
function givenTo(
  words: readonly Word[],
): { readonly line: string } | { readonly script: string } | { readonly reason: string } {
  const name = words[0]?.text ?? "";
  const input = { reason: `${name} reads its commands from its input` };
  let isLine = false;
  for (let i = 1; i < words.length; i += 1) {
    const { text = "", literal } = words[i] ?? { literal: false };
    if (!literal) return { reason: `an argument of ${name} is known only when it runs` };
    if (text === "--" || !/^[-+]/.test(text)) {
      const first = text === "--" ? words[i + 1] : words[i];
      if (!first) return input;
      if (!first.literal) return { reason: `what is given to ${name} is known only when it runs` };
      return isLine ? { line: first.text } : { script: first.text };
    }
    if (/^-[euxl]*c[euxl]*$/.test(text)) isLine = true;
    else if (/^-[euxl]*o$/.test(text)) {
      i += 1;
      if (!/^(?:pipefail|errexit|nounset|xtrace)$/.test(words[i]?.text ?? "")) {
        return { reason: `an option of ${name} is not known` };
      }
    } else if (!/^-[euxl]+$|^--(?:login|norc|noprofile)$/.test(text)) {
      return { reason: `${name} ${text} is not an option that is known` };
    }
  }
  return input;
}

function readEval(words: readonly Word[], manner: Manner, line: ReadLine): void {
  const { reading, depth } = manner;
  const rest = words.slice(1);
  const isKnown = rest.every((word) => word.literal);
  reading.run(words, isKnown);
  if (!isKnown) reading.unknown("what eval runs is known only when it runs");
  else line(rest.map((word) => word.text).join(" "), { ...manner, depth: depth + 1 });
}

/** find is listed for itself, and each command after -exec and its kin as well. */
function readFind(words: readonly Word[], manner: Manner, line: ReadLine): void {
  const { reading } = manner;
  reading.run(words);
  if (words.some((word) => !word.literal)) {
    reading.unknown("an argument of find is known only when it runs, and may be an action");
    return;
  }
  for (let i = 1; i < words.length; i += 1) {
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(words[i]?.text ?? "")) continue;
    const rest = words.slice(i + 1);
    const end = rest.findIndex(({ text }, j) => text === ";" || (text === "+" && rest[j - 1]?.text === "{}"));
    if (end <= 0) {
      reading.unknown("an action of find has no end");
      return;
    }
    readCommand(withHoles(rest.slice(0, end), "{}"), manner, line);
    i += end + 1;
  }
}
