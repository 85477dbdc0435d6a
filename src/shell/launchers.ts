/** Programs that start the command given after their own options, and where that command begins. */
import type { Reading, Word } from "./reading.ts";
import { steersPrograms } from "./variables.ts";

/** The options a launcher takes before the command it starts. */
export interface Form {
  /** Letters of options without and with a value. */
  readonly flags: string;
  readonly valued: string;
  readonly long: readonly string[];
  readonly long_valued: readonly string[];
  /** Words between the options and the command. */
  readonly operands: number;
  /** It changes nothing about the command but how it runs, so policy is asked about that command only. */
  readonly wraps: boolean;
  /** Takes `NAME=VALUE` before the command. */
  readonly assigns?: true;
  /** Adds words of its own to the command, or after -I puts them in the place of others. */
  readonly appends?: true;
}

const list = (text: string) => text.split(" ").filter((each) => each !== "");
const form = (flags: string, valued: string, long = "", long_valued = "", more: Partial<Form> = {}): Form => ({
  ...{ flags, valued, long: list(long), long_valued: list(long_valued), operands: 0, wraps: true },
  ...more,
});

const elevates = { wraps: false, assigns: true } as const;

export const forms: ReadonlyMap<string, Form> = new Map([
  ["env", form("i0v", "u", "ignore-environment null debug", "unset", { assigns: true })],
  ["nohup", form("", "")],
  ["setsid", form("cfw", "", "ctty fork wait")],
  ["nice", form("0123456789", "n", "", "adjustment")],
  ["ionice", form("t", "cn", "ignore", "class classdata")],
  ["timeout", form("v", "ks", "foreground preserve-status verbose", "kill-after signal", { operands: 1 })],
  ["stdbuf", form("", "ioe", "", "input output error")],
  ["time", form("pvq", "f", "portability verbose quiet", "format")],
  ["command", form("p", "")],
  ["builtin", form("", "")],
  ["exec", form("cl", "a")],
  ["busybox", form("", "")],
  [
    "xargs",
    form("0rtxo", "nPLdsEI", "null no-run-if-empty verbose exit", "max-args max-procs max-lines delimiter max-chars", {
      appends: true,
    }),
  ],
  ["sudo", form("nEHkSbi", "ugCDRT", "non-interactive preserve-env set-home", "user group chdir", elevates)],
  ["doas", form("nL", "uC", "", "", elevates)],
  ["chroot", form("", "", "", "userspec groups", { operands: 1, wraps: false })],
  ["unshare", form("imnpuUCfrc", "", "", "", { wraps: false })],
]);

/** The command that a launcher starts, as far as it stands in its arguments; a text says why it cannot be told. */
export function launchedBy(form: Form, words: readonly Word[], reading: Reading): readonly Word[] | string {
  const name = words[0]?.text ?? "";
  const left = words.slice(1);
  let hole: string | undefined;
  while (left[0]) {
    const option = left[0];
    if (!option.literal) return `an argument of ${name} is known only when it runs`;
    if (!option.text.startsWith("-")) break;
    left.shift();
    if (option.text === "--") break;
    const value = option.text === "-" ? form.assigns && null : valueOf(form, option.text, left);
    if (value === undefined) return `${name} ${option.text} is not an option that is known`;
    if (form.appends && /^-[^-]*I/.test(option.text)) hole = value ?? "{}";
  }
  left.splice(0, form.operands);
  while (form.assigns && left[0] && /^[^=]*=/.test(left[0].text)) {
    const [variable = ""] = (left.shift()?.text ?? "").split("=");
    if (!/^\w+$/.test(variable) || steersPrograms(variable)) reading.unknown(`${variable} decides what runs`);
  }
  if (left.length === 0 || !form.appends) return left;
  return hole === undefined ? [...left, { text: "...", literal: false, splits: true }] : withHoles(left, hole);
}

/** The value of an option, taken from the words that follow where it stands there; null without one, undefined if unknown. */
function valueOf(form: Form, option: string, left: Word[]): string | null | undefined {
  const next = () => {
    const value = left.shift();
    return value?.literal ? value.text : undefined;
  };
  if (option.startsWith("--")) {
    const [long = "", value] = option.slice(2).split(/=(.*)/s);
    if (form.long_valued.includes(long)) return value ?? next();
    return value === undefined && form.long.includes(long) ? null : undefined;
  }
  for (let i = 1; i < option.length; i += 1) {
    const letter = option.charAt(i);
    if (form.valued.includes(letter)) return i + 1 < option.length ? option.slice(i + 1) : next();
    if (!form.flags.includes(letter)) return undefined;
  }
  return null;
}

/** Words in which a launcher puts what it finds only when it runs. */
export function withHoles(words: readonly Word[], hole: string): readonly Word[] {
  return words.map((word) => (word.text.includes(hole) ? { text: word.text, literal: false } : word));
}
