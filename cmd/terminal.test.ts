/** What only happens on a terminal: questions, answers that are not echoed, colour, Ctrl-C. Played on a real one. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { converse } from "./testdata/terminal.ts";

const binary = join(import.meta.dir, "..", "dist", "reeve");
const place = mkdtempSync(join(tmpdir(), "reeve-terminal-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
beforeAll(() => {
  if (!existsSync(binary)) throw new Error("dist/reeve is missing: run make build first");
});

async function newHome(): Promise<string> {
  const cwd = mkdtempSync(join(place, "home-"));
  expect((await converse(["init"], { cwd })).exit).toBe(0);
  return cwd;
}

describe("on a terminal", () => {
  test("setup asks, takes the answers, and makes the home they describe", async () => {
    const cwd = mkdtempSync(join(place, "setup-"));
    const exchanges = [
      { after: "Model provider", keys: "\r" },
      { after: "Workspace", keys: "\r" },
      { after: "first agent", keys: "\r" },
      { after: "What that agent may do", keys: "\x1b[B\r" },
      { after: "Key of the vault", keys: "\r" },
    ];
    const { exit, screen, asked } = await converse(["setup"], { cwd, exchanges });
    expect({ exit, asked }).toEqual({ exit: 0, asked: true });
    expect(screen).toContain("with profile editor");
    expect(existsSync(join(cwd, ".reeve", "ledger.db"))).toBe(true);
  }, 30_000);

  test("Ctrl-C in the middle of setup leaves nothing behind", async () => {
    const cwd = mkdtempSync(join(place, "broken-"));
    const exchanges = [
      { after: "Model provider", keys: "\r" },
      { after: "Workspace", keys: "\x03" },
    ];
    expect(await converse(["setup"], { cwd, exchanges })).toMatchObject({ exit: 130, asked: true });
    expect(readdirSync(cwd)).toEqual([]);
  }, 30_000);

  test("a secret is asked for, is never shown, and is stored", async () => {
    const cwd = await newHome();
    const secret = "correct-horse-battery";
    const set = await converse(["secrets", "set", "api/key"], {
      cwd,
      exchanges: [{ after: "Value of api/key", keys: `${secret}\r` }],
    });
    expect(set).toMatchObject({ exit: 0, asked: true });
    expect(set.screen).not.toContain(secret);
    expect(set.screen).toContain("stored api/key (version 1)");
  }, 30_000);

  test("a narrow console that calls itself 0 columns wide still gets readable questions", async () => {
    const cwd = await newHome();
    const exchanges = [{ after: "Value of api/key", keys: "\x03" }];
    expect(await converse(["secrets", "set", "api/key"], { cwd, exchanges, cols: 0 })).toMatchObject({
      exit: 130,
      asked: true,
    });
  }, 30_000);

  test("colour is there, and gone where NO_COLOR asks for it", async () => {
    const cwd = await newHome();
    expect((await converse(["policy", "list"], { cwd })).screen).toContain("\x1b[2m");
    expect((await converse(["policy", "list"], { cwd, env: { NO_COLOR: "1" } })).screen).not.toContain("\x1b[");
    expect((await converse(["policy", "list"], { cwd, env: { TERM: "dumb" } })).screen).not.toContain("\x1b[");
  }, 30_000);

  test("help and tables keep within the terminal", async () => {
    const cwd = await newHome();
    for (const argv of [["--help"], ["run", "--help"], ["doctor", "-h"], ["tools"], ["policy", "list"], ["runs"]]) {
      const { exit, screen } = await converse(argv, { cwd, env: { NO_COLOR: "1" } });
      expect(exit).toBe(0);
      expect(screen.split(/\r?\n/).filter((line) => Bun.stringWidth(line) > 80)).toEqual([]);
    }
    const wide = await converse(["tools"], { cwd, cols: 160, env: { NO_COLOR: "1" } });
    expect(wide.screen.split("\n").some((line) => line.length > 80)).toBe(true);
  }, 30_000);

  test("a name that drives terminals is shown, not obeyed", async () => {
    const { exit, screen } = await converse(["--home", "x\x1b]0;owned\x07\x1b[2J", "config", "path"], { cwd: place });
    expect(exit).toBe(0);
    expect(screen).toContain("x\\x1b]0;owned\\x07\\x1b[2J/.reeve/config.json");
    expect(screen).not.toContain("\x1b");
  });

  test("nothing waits for standard input where a person sits", async () => {
    const { exit, screen } = await converse(["ask"], { cwd: place });
    expect(exit).toBe(2);
    expect(screen).toContain("there is no message");
  }, 30_000);
});
