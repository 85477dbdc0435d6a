/** Where a message comes from, and which of them the operator typed. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeAt } from "../../../src/core/home.ts";
import { Fault } from "../../../src/core/fault.ts";
import type { CommandContext } from "../../../src/define/command.ts";
import { isDirective, type MessageInput, readMessage } from "./message.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-message-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

let reads = 0;

const same = (text: string): string => text;
const paint = { width: undefined, strong: same, faint: same, good: same, caution: same, bad: same };

function context(piped: string | Uint8Array | undefined): CommandContext {
  return {
    home: homeAt(place),
    newHome: homeAt(place),
    cwd: place,
    version: "0",
    signal: new AbortController().signal,
    json: false,
    quiet: true,
    passphrase_file: undefined,
    note: () => {},
    readStandardInput: async () => {
      reads++;
      return piped === undefined ? undefined : Buffer.from(piped);
    },
    prompts: undefined,
    screen: { terminal: false, paint, write: () => {} },
    side: { terminal: false, paint, write: () => {} },
  };
}

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(place, name), content);
  return name;
}

async function faultOf(input: MessageInput, piped?: string | Uint8Array): Promise<string> {
  try {
    await readMessage(context(piped), input);
  } catch (thrown) {
    if (thrown instanceof Fault) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  throw new Error("the message was accepted");
}

describe("a message", () => {
  test("is what was typed, several words joined by spaces", async () => {
    expect(await readMessage(context(undefined), { words: ["how", "is it"] })).toEqual({
      message: "how is it",
      typed: true,
      attached_chars: 0,
    });
    expect(await readMessage(context(undefined), { message: "hello" })).toEqual({
      message: "hello",
      typed: true,
      attached_chars: 0,
    });
  });

  test("is followed by standard input after an empty line", async () => {
    expect(await readMessage(context("a\nb\n"), { words: ["review this"] })).toEqual({
      message: "review this\n\na\nb",
      typed: true,
      attached_chars: 5,
    });
  });

  test("is standard input alone, and then nobody typed it", async () => {
    expect(await readMessage(context("/tool fs.list {}"), {})).toEqual({
      message: "/tool fs.list {}",
      typed: false,
      attached_chars: 16,
    });
  });

  test("from a file is nobody's typing, whatever it says", async () => {
    const message_file = file("tool.md", "/tool fs.list {}\n");
    expect(await readMessage(context(undefined), { message_file })).toEqual({
      message: "/tool fs.list {}",
      typed: false,
      attached_chars: 16,
    });
  });

  test("typed as blanks leaves the piped text untyped", async () => {
    expect(await readMessage(context("/tool x"), { words: [" "] })).toEqual({
      message: "/tool x",
      typed: false,
      attached_chars: 7,
    });
  });

  test("that is a typed directive leaves standard input unread", async () => {
    reads = 0;
    expect(await readMessage(context("junk"), { words: ["/tool", "time.now", "{}"] })).toEqual({
      message: "/tool time.now {}",
      typed: true,
      attached_chars: 0,
    });
    expect(reads).toBe(0);
  });

  test("given twice, missing or blank is refused", async () => {
    expect(await faultOf({ words: ["a"], message: "b" })).toContain("more than once");
    expect(await faultOf({ message: "a", message_file: file("b.md", "b") })).toContain("more than once");
    expect(await faultOf({})).toBe("invalid_argument: there is no message");
    expect(await faultOf({ words: ["  "] }, "\n")).toBe("invalid_argument: there is no message");
  });

  test("that is not UTF-8 or holds a NUL is refused, from a file and from a pipe", async () => {
    const broken = Uint8Array.of(0x68, 0xff, 0x69);
    expect(await faultOf({ message_file: file("broken.md", broken) })).toContain("not valid UTF-8");
    expect(await faultOf({ message_file: file("nul.md", "a\0b") })).toContain("NUL");
    expect(await faultOf({}, broken)).toBe("invalid_argument: standard input is not valid UTF-8");
    expect(await faultOf({ words: ["x"] }, "a\0b")).toContain("NUL");
  });

  test("larger than the limit is refused whole, and one exactly as large is taken", async () => {
    const most = "x".repeat(1000);
    const path = file("most.md", most);
    expect((await readMessage(context(undefined), { message_file: path }, 1000)).message.length).toBe(1000);
    const larger = file("more.md", `${most}x`);
    await expect(readMessage(context(undefined), { message_file: larger }, 1000)).rejects.toThrow("larger than 1000");
    await expect(readMessage(context(most), { words: ["and"] }, 1000)).rejects.toThrow("larger than 1000 bytes");
  });

  test("from a file that is not there is refused with the file's name", async () => {
    expect(await faultOf({ message_file: "nowhere.md" })).toContain("not_found: the message file nowhere.md");
  });
});

test("a directive is /tool as a whole word at the very beginning", () => {
  expect(["/tool x {}", "/tool", "/tool\tx"].map(isDirective)).toEqual([true, true, true]);
  expect(["/toolbox", " /tool x", "please /tool x", "/Tool x"].map(isDirective)).toEqual([false, false, false, false]);
});
