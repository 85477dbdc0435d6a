/** What a command line means: names, flags of two spellings, typed values, and the fault for each thing that is wrong. */
import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { Fault } from "../../../src/core/fault.ts";
import { integer } from "../../../src/core/schema.ts";
import { defineCommand, defineGroup, option, toggle } from "../../../src/define/command.ts";
import { type Entry, parseArguments } from "./argv.ts";

const speak = defineCommand({
  name: "speak",
  summary: "Speak.",
  positionals: ["words"],
  input: v.strictObject({
    words: option(v.array(v.string()), "WORD", "words"),
    message: option(v.string(), "TEXT", "text"),
    message_file: option(v.string(), "FILE", "file"),
    limit: option(integer(1, 2_000_000), "N", "how many"),
    tone: option(v.picklist(["calm", "loud"]), "TONE", "how"),
    tag: option(v.array(v.string()), "TAG", "a tag"),
    force: toggle("do it anyway"),
  }),
  run: (_, input) => input,
  render: () => "",
});

const leaf = (name: string) =>
  defineCommand({
    name,
    summary: ".",
    input: v.strictObject({ all: toggle("all") }),
    run: () => ({}),
    render: () => "",
  });
const keep = leaf("keep list");
const entries: readonly Entry[] = [
  speak,
  defineGroup({ name: "keep", summary: "Keep.", commands: [keep, leaf("keep drop")] }),
];

async function inputOf(...argv: string[]) {
  const parsed = await parseArguments(["speak", ...argv], entries);
  return parsed.kind === "run" ? parsed.input : parsed.kind;
}

async function faultOf(...argv: string[]): Promise<Fault> {
  try {
    await parseArguments(argv, entries);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("the arguments were accepted");
}

describe("flags", () => {
  test("a flag's value follows it or its equals sign", async () => {
    expect(await inputOf("--message", "a b")).toEqual({ message: "a b" });
    expect(await inputOf("--message=a=b")).toEqual({ message: "a=b" });
    expect(await inputOf("--message=")).toEqual({ message: "" });
  });

  test("long flags with a single dash, as earlier scripts wrote them, are accepted", async () => {
    expect(await inputOf("-message=x", "-message-file", "y", "-force")).toEqual({
      message: "x",
      message_file: "y",
      force: true,
    });
    expect(await inputOf("-force=false")).toEqual({ force: false });
    expect(await inputOf("--no-force")).toEqual({ force: false });
  });

  test("a value that begins with a dash stays a value", async () => {
    expect(await inputOf("--message", "-force")).toEqual({ message: "-force" });
    expect(await inputOf("-message", "--message-file")).toEqual({ message: "--message-file" });
  });

  test("after two dashes everything is a word", async () => {
    expect(await inputOf("--", "-force", "--message", "x")).toEqual({ words: ["-force", "--message", "x"] });
  });

  test("a list takes every use, in order", async () => {
    expect(await inputOf("--tag", "b", "--tag=a", "w1", "w2")).toEqual({ tag: ["b", "a"], words: ["w1", "w2"] });
  });

  test("an unknown flag is refused with the nearest name and without the value typed after it", async () => {
    const fault = await faultOf("speak", "--mesage=hunter2");
    expect(fault.code).toBe("invalid_argument");
    expect(fault.message).toBe("reeve speak has no flag --mesage");
    expect(fault.hint).toBe('did you mean "--message"?');
    expect((await faultOf("speak", "-mesage", "x")).message).toContain("--mesage");
  });

  test("a flag without its value is refused", async () => {
    expect((await faultOf("speak", "--message")).message).toBe("--message needs a value");
    expect((await faultOf("speak", "-limit")).message).toBe("--limit needs a value");
  });

  test("a switch takes no value but true and false", async () => {
    expect((await faultOf("speak", "--force=maybe")).message).toContain("true or false");
  });
});

describe("numbers", () => {
  test("decimal numbers are read in full, with an exponent too", async () => {
    expect(await inputOf("--limit", "1e6")).toEqual({ limit: 1_000_000 });
    expect(await inputOf("--limit=-3")).toEqual({ limit: -3 });
  });

  test("what is not wholly a number is refused rather than read in part", async () => {
    for (const text of ["5x", "", " 5", "0x10", "1_000", "Infinity", "NaN", "1e999", "9007199254740993", "1.", ".5"]) {
      expect((await faultOf("speak", `--limit=${text}`)).message).toContain("is not a number");
    }
  });
});

describe("paths", () => {
  test("an empty one is refused rather than meaning the working directory", async () => {
    expect((await faultOf("speak", "--message-file", "")).message).toBe("--message-file is empty");
    expect((await faultOf("--home=", "speak")).message).toBe("--home is empty");
    expect((await faultOf("speak", "--passphrase-file=")).hint).toBe("name a file");
    expect(await inputOf("--message", "")).toEqual({ message: "" });
  });
});

describe("names", () => {
  test("an unknown command is refused with the nearest name", async () => {
    const fault = await faultOf("speek");
    expect(fault.code).toBe("invalid_argument");
    expect(fault.hint).toBe('did you mean "speak"?');
    expect((await faultOf("keep", "dropp")).hint).toBe('did you mean "drop"?');
  });

  test("an unknown value of a choice is refused with the nearest one", async () => {
    expect((await faultOf("speak", "--tone", "lout")).hint).toBe('did you mean "loud"?');
  });

  test("more words than a command takes are refused without repeating them", async () => {
    const fault = await faultOf("keep", "list", "hunter2");
    expect(fault.message).toBe("reeve keep list takes no arguments by position");
  });

  test("the flags of every command may stand before its name", async () => {
    const parsed = await parseArguments(["--home", "/h", "-json", "speak", "hi", "--quiet"], entries);
    expect(parsed).toMatchObject({
      kind: "run",
      input: { words: ["hi"] },
      globals: { home: "/h", json: true, quiet: true },
    });
  });

  test("a group without a sub-command means its first, with that one's flags", async () => {
    expect(await parseArguments(["keep"], entries)).toMatchObject({ kind: "run", command: keep });
    expect(await parseArguments(["keep", "--json", "--all"], entries)).toMatchObject({
      kind: "run",
      command: keep,
      input: { all: true },
    });
  });
});

describe("help", () => {
  test("help is of the whole, of a group or of a command", async () => {
    expect(await parseArguments(["--help"], entries)).toEqual({ kind: "help", of: undefined });
    expect(await parseArguments(["help"], entries)).toEqual({ kind: "help", of: undefined });
    expect(await parseArguments(["keep", "--help"], entries)).toEqual({ kind: "help", of: entries[1] });
    expect(await parseArguments(["help", "keep"], entries)).toEqual({ kind: "help", of: entries[1] });
    expect(await parseArguments(["keep", "list", "-h"], entries)).toEqual({ kind: "help", of: keep });
    expect(await parseArguments(["help", "speak"], entries)).toEqual({ kind: "help", of: speak });
  });

  test("the word help inside a message is a word", async () => {
    expect(await inputOf("help", "me")).toEqual({ words: ["help", "me"] });
  });
});
