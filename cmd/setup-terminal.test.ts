/** The questions of `reeve setup` about models, played on a real terminal with a model that answers, and one that does not. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { providers } from "../src/providers/index.ts";
import type { Script } from "../src/providers/testdata/model/script.ts";
import { type Model, startModel } from "../src/providers/testdata/model/server.ts";
import { binary, converse } from "./testdata/terminal.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-setup-terminal-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
beforeAll(() => {
  if (!existsSync(binary)) throw new Error("dist/reeve is missing: run make build first");
});

const secret = "sk-verysecret-0123456789";
const models: Model[] = [];
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(place, "home-"));
});
afterEach(async () => {
  for (const model of models.splice(0)) await model.stop();
});

async function modelOf(script: Script): Promise<Model> {
  const model = await startModel(script);
  models.push(model);
  return model;
}

/** From `offline`, which is where the list begins to be read. */
const down = (name: string) => "\x1b[B".repeat(providers.findIndex((each) => each.name === name));
const clear = "\x15";

const choosing = (url: string) => [
  { after: "Model provider", keys: `${down("generic")}\r` },
  { after: "Address of generic", keys: `${clear}${url}\r` },
  { after: "Key of generic", keys: `${secret}\r` },
  { after: "Model of generic", keys: "\x1b[B\r" },
];
const rest = [
  { after: "Workspace", keys: "\r" },
  { after: "first agent", keys: "\r" },
  { after: "What that agent may do", keys: "\r" },
  { after: "Key of the vault", keys: "\r" },
];

function filesWith(text: string): readonly string[] {
  return readdirSync(cwd, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => readFileSync(path, "latin1").includes(text));
}

describe("setup on a terminal", () => {
  test("asks for address, key and model, tries them, shows no key and keeps it in the vault", async () => {
    const model = await modelOf({ turns: [{ text: "ready" }] });
    const { exit, screen, asked } = await converse(["setup"], { cwd, exchanges: [...choosing(model.url), ...rest] });
    expect({ exit, asked }).toEqual({ exit: 0, asked: true });
    expect(screen).toMatch(/model scripted-2 \(answered in \d+ ms\)/);
    expect(screen).toContain("key in the vault as provider/generic/api_key");
    expect(screen).not.toContain("verysecret");
    expect(filesWith("verysecret")).toEqual([]);
    const sent = model.requests.map(({ path, headers }) => [path, headers["authorization"]]);
    expect(sent).toEqual([
      ["/v1/models", `Bearer ${secret}`],
      ["/v1/chat/completions", `Bearer ${secret}`],
    ]);
  }, 30_000);

  test("shows why a model does not answer and lets the person choose again", async () => {
    const model = await modelOf({
      turns: [{ fail: { status: 401, body: `{"error": {"message": "no key ${secret}"}}` } }],
    });
    const exchanges = [
      ...choosing(model.url),
      { after: "did not answer", keys: "\r" },
      { after: "Model provider", keys: "\r" },
      ...rest,
    ];
    const { exit, screen, asked } = await converse(["setup"], { cwd, exchanges, cols: 160 });
    expect({ exit, asked }).toEqual({ exit: 0, asked: true });
    expect(screen).toContain("generic/scripted-2 did not answer: generic answered 401");
    expect(screen).toContain("provider offline");
    expect(screen).not.toContain("verysecret");
  }, 30_000);

  test("keeps a model that does not answer where the person wants that", async () => {
    const model = await modelOf({ turns: [{ fail: { status: 503 } }] });
    const exchanges = [...choosing(model.url), { after: "did not answer", keys: "\x1b[B\r" }, ...rest];
    const { exit, screen, asked } = await converse(["setup"], { cwd, exchanges });
    expect({ exit, asked }).toEqual({ exit: 0, asked: true });
    expect(screen).toContain("model scripted-2 (not tried)");
    expect(screen).toContain("key in the vault as provider/generic/api_key");
  }, 30_000);

  test.each([
    ["is given up", "\x1b[B\x1b[B\r"],
    ["is interrupted", "\x03"],
  ])(
    "leaves nothing when it %s after a model did not answer",
    async (_how, keys) => {
      const model = await modelOf({ turns: [{ fail: { status: 503 } }] });
      const exchanges = [...choosing(model.url), { after: "did not answer", keys }];
      expect(await converse(["setup"], { cwd, exchanges })).toMatchObject({ exit: 130, asked: true });
      expect(readdirSync(cwd)).toEqual([]);
    },
    30_000,
  );

  test("asks again for an address that may not be reached and a key that is none", async () => {
    const model = await modelOf({ turns: [{ text: "ready" }] });
    const exchanges = [
      { after: "Model provider", keys: `${down("generic")}\r` },
      { after: "Address of generic", keys: `${clear}http://example.com/v1\r` },
      { after: "is not encrypted", keys: `${clear}${model.url}\r` },
      { after: "Key of generic", keys: "two words\r" },
      { after: "characters no key has", keys: "\r" },
      { after: "Model of generic", keys: "\r" },
      ...rest,
    ];
    const { exit, asked } = await converse(["setup"], { cwd, exchanges, cols: 160 });
    expect({ exit, asked }).toEqual({ exit: 0, asked: true });
    expect(model.requests.map(({ headers }) => headers["authorization"])).toEqual([undefined, undefined]);
  }, 30_000);

  test("asks only for what the flags leave open", async () => {
    const model = await modelOf({ turns: [{ text: "ready" }] });
    const flags = [
      "--provider",
      "generic",
      "--base-url",
      model.url,
      "--model",
      "m",
      "--workspace",
      "w",
      "--agent",
      "a",
    ];
    const exchanges = [
      { after: "Key of generic", keys: "\r" },
      { after: "What that agent may do", keys: "\r" },
      { after: "Key of the vault", keys: "\r" },
    ];
    const { exit, screen, asked } = await converse(["setup", ...flags], { cwd, exchanges });
    expect({ exit, asked }).toEqual({ exit: 0, asked: true });
    expect(screen).not.toContain("Model provider");
    expect(screen).toMatch(/model m \(answered in \d+ ms\)/);
  }, 30_000);
});
