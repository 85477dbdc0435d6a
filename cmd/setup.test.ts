/** `reeve setup` with a model behind it: what is tried before anything is written, and that a key reaches the vault and nothing else. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { providers } from "../src/providers/index.ts";
import type { ScriptTurn } from "../src/providers/testdata/model/script.ts";
import { type Model, startModel } from "../src/providers/testdata/model/server.ts";
import type { Prompts } from "../src/define/command.ts";
import { modelFromPerson } from "./reeve/setup/model.ts";
import { findServers } from "./reeve/setup/servers.ts";
import { listModels, tryModel } from "./reeve/setup/trial.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-setup-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const secret = "sk-verysecret-0123456789";
const models: Model[] = [];
let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(place, "home-"));
});
afterEach(async () => {
  for (const model of models.splice(0)) await model.stop();
});

async function modelSaying(turn: ScriptTurn): Promise<Model> {
  const model = await startModel({ turns: [turn] });
  models.push(model);
  return model;
}

const ready: ScriptTurn = { text: "ready", usage: { input_tokens: 9, output_tokens: 1 } };

async function reeve(
  words: readonly string[],
  given: { readonly stdin?: string; readonly env?: Record<string, string> } = {},
) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "reeve", "main.ts"), ...words], {
    cwd,
    env: { PATH: "/usr/bin:/bin", HOME: `${cwd}.user`, XDG_STATE_HOME: `${cwd}.state`, TZ: "UTC", ...given.env },
    stdin: given.stdin === undefined ? "ignore" : Buffer.from(given.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect(out + err).not.toContain("verysecret");
  return { out, err, exit };
}

function keyFile(): string {
  const path = join(cwd, "key");
  writeFileSync(path, `${secret}\n`, { mode: 0o600 });
  return path;
}

/** Every file in which the text stands, but the one it was given in. */
function filesWith(text: string): readonly string[] {
  return [cwd, `${cwd}.state`]
    .filter((directory) => existsSync(directory))
    .flatMap((directory) => readdirSync(directory, { recursive: true, withFileTypes: true }))
    .filter((file) => file.isFile() && file.name !== "key")
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => readFileSync(path, "latin1").includes(text));
}

const openaiAt = (url: string) => ["setup", "--provider", "openai", "--model", "m", "--base-url", url];

describe("setup by flags", () => {
  test.each(["file", "standard input"])("takes a key from a %s into the vault, and a run uses it", async (from) => {
    const model = await modelSaying(ready);
    const made =
      from === "file"
        ? await reeve([...openaiAt(model.url), "--api-key-file", keyFile()])
        : await reeve([...openaiAt(model.url), "--api-key-stdin"], { stdin: `${secret}\n` });
    expect(made).toMatchObject({ exit: 0, err: "" });
    expect(made.out).toMatch(
      /\nprovider openai\nmodel m \(answered in \d+ ms\)\nkey in the vault as provider\/openai\/api_key\nnext: /,
    );
    expect(await reeve(["ask", "--quiet", "hello"])).toEqual({ exit: 0, err: "", out: "ready\n" });
    expect(model.requests.map(({ headers }) => headers["authorization"])).toEqual([
      `Bearer ${secret}`,
      `Bearer ${secret}`,
    ]);
    expect(filesWith(secret)).toEqual([]);
    expect((await reeve(["secrets", "list", "--json"])).out).toContain('"provider/openai/api_key"');
  });

  test("asks the model one small question, and none with --no-test", async () => {
    const model = await modelSaying(ready);
    const untried = await reeve([...openaiAt(model.url), "--api-key-file", keyFile(), "--no-test"]);
    expect(untried.out).toContain("\nmodel m (not tried)\n");
    expect(model.requests).toHaveLength(0);
    await reeve([...openaiAt(model.url), "--api-key-file", keyFile(), "--force"]);
    expect(model.requests).toHaveLength(1);
    expect(model.requests[0]?.size).toBeLessThan(500);
  });

  test.each([
    ["refuses the key", { fail: { status: 401, body: `{"error":{"message":"no such key ${secret}"}}` } }, 12],
    ["is down", { fail: { status: 503 } }, 9],
    ["is cut off", { text: "ready", fail: { cut: "after-first" } }, 9],
  ] as const)("makes nothing when the model %s, and tries only once", async (_how, turn, exit) => {
    const model = await modelSaying(turn);
    const failed = await reeve([...openaiAt(model.url), "--api-key-file", keyFile()]);
    expect(failed.exit).toBe(exit);
    expect(failed.err).toContain("openai/m did not answer: ");
    expect(failed.err).toContain("--no-test");
    expect(model.requests).toHaveLength(1);
    expect([readdirSync(cwd), existsSync(`${cwd}.state`)]).toEqual([["key"], false]);
  });

  test("leaves a key in the environment where it is", async () => {
    const model = await modelSaying(ready);
    const made = await reeve(openaiAt(model.url), { env: { OPENAI_API_KEY: secret } });
    expect(made.out).toContain("\nkey from the environment, OPENAI_API_KEY\n");
    expect(filesWith(secret)).toEqual([]);
    expect(await reeve(["ask", "--quiet", "hello"], { env: { OPENAI_API_KEY: secret } })).toEqual({
      exit: 0,
      err: "",
      out: "ready\n",
    });
  });

  test("puts an earlier home aside with --force, and not before the new one was tried", async () => {
    const model = await modelSaying({ attempts: [ready, { fail: { status: 401 } }], ...ready });
    await reeve([...openaiAt(model.url), "--api-key-file", keyFile()]);
    const before = readFileSync(join(cwd, ".reeve", "config.json"), "utf8");
    const again = [...openaiAt(model.url), "--api-key-file", keyFile(), "--force", "--agent", "other"];
    expect((await reeve(again)).exit).toBe(12);
    expect(readFileSync(join(cwd, ".reeve", "config.json"), "utf8")).toBe(before);
    const made = await reeve(again);
    const [, aside = ""] = /earlier home kept as (.*\.reeve\..*)/.exec(made.out) ?? [];
    expect(readFileSync(join(aside, "config.json"), "utf8")).toBe(before);
  });

  test.each([
    ["a provider there is none of", ["--provider", "opneai"], 'no provider "opneai"', 'did you mean "openai"?'],
    ["no model", ["--provider", "openai"], "no model of openai is named", "pass --model NAME"],
    ["no address", ["--provider", "generic", "--model", "m"], "generic has no address of its own", "--base-url URL"],
    [
      "no encryption",
      ["--provider", "openai", "--model", "m", "--base-url", "http://example.com"],
      "not encrypted",
      "https",
    ],
    ["a key for whom none is", ["--provider", "ollama", "--model", "m"], "ollama takes no key", "leave the key out"],
    ["a key for nobody", [], "offline takes no key", "leave the key out"],
  ])("refuses %s before it reads the key", async (_what, flags, words, hint) => {
    const { exit, err } = await reeve(["setup", ...flags, "--api-key-file", "there-is-none"]);
    expect(exit).toBe(2);
    expect(err).toContain(words);
    expect(err).toContain(hint);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test.each([
    ["two words", "sk-verysecret 0123"],
    ["a header of its own", "sk-verysecret\r\nx-evil: 1"],
    ["nothing", "\n"],
  ])("refuses a key that is %s, without repeating it", async (_what, stdin) => {
    const model = await modelSaying(ready);
    expect(await reeve([...openaiAt(model.url), "--api-key-stdin"], { stdin })).toMatchObject({ exit: 2 });
    expect(model.requests).toHaveLength(0);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("refuses a key file that others can read", async () => {
    writeFileSync(join(cwd, "key"), secret, { mode: 0o644 });
    expect(await reeve([...openaiAt("http://127.0.0.1:9/v1"), "--api-key-file", "key"])).toMatchObject({ exit: 6 });
  });

  test("wants a key where one is needed, and without the test says that it is missing", async () => {
    const model = await modelSaying(ready);
    expect((await reeve(openaiAt(model.url))).err).toContain("openai needs a key");
    const { exit, err } = await reeve([...openaiAt(model.url), "--no-test"]);
    expect(exit).toBe(0);
    expect(err).toContain("openai has no key yet: reeve secrets set provider/openai/api_key");
  });
});

const generic = providers.find(({ name }) => name === "generic") ?? providers[0];

describe("a model that is tried", () => {
  const choiceAt = (base_url: string) => {
    if (!generic) throw new Error("there is no provider");
    return { provider: generic, base_url, model: "m", key: secret };
  };
  const { signal } = new AbortController();

  test("and says nothing is given up after its time", async () => {
    const { url } = await modelSaying({ fail: { hang: "headers" } });
    await expect(tryModel(choiceAt(url), providers, { signal, limit_ms: 50 })).rejects.toMatchObject({
      code: "deadline_exceeded",
      message: "generic did not answer within 50 ms",
    });
  });

  test("is let go of when the person leaves", async () => {
    const { url } = await modelSaying({ fail: { hang: "headers" } });
    const gone = AbortSignal.abort();
    await expect(tryModel(choiceAt(url), providers, { signal: gone })).rejects.toMatchObject({ code: "canceled" });
  });

  test("is one of those its address lists", async () => {
    const { url, requests } = await modelSaying(ready);
    expect(await listModels(choiceAt(url), providers, signal)).toEqual(["scripted-1", "scripted-2"]);
    expect(requests.map(({ path, headers }) => [path, headers["authorization"]])).toEqual([
      ["/v1/models", `Bearer ${secret}`],
    ]);
  });
});

describe("servers on this machine", () => {
  const servers: ReturnType<typeof Bun.serve>[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop(true);
  });
  const { signal } = new AbortController();

  function portOf(answer: () => Response | Promise<Response>): { readonly port: number; readonly provider: string } {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
    servers.push(server);
    return { port: server.port ?? 0, provider: "generic" };
  }

  test("are found with their models, in the order of their places", async () => {
    const first = portOf(() => Response.json({ object: "list", data: [{ id: "a", more: 1 }, { id: "b" }] }));
    const second = { ...portOf(() => Response.json({ data: [] })), provider: "ollama" };
    expect(await findServers(signal, [first, second])).toEqual([
      { provider: "generic", base_url: `http://127.0.0.1:${first.port}/v1`, models: ["a", "b"] },
      { provider: "ollama", base_url: `http://127.0.0.1:${second.port}/v1`, models: [] },
    ]);
  });

  test("that are something else, slow, endless or gone are none", async () => {
    const gone = portOf(() => new Response());
    await servers.pop()?.stop(true);
    const others = [
      gone,
      portOf(() => new Response("<html>hello</html>")),
      portOf(() => Response.json({ data: [{ name: "a" }] })),
      portOf(() => Response.json({ data: [{ id: "a" }] }, { status: 500 })),
      portOf(() => Response.redirect("http://127.0.0.1:1/v1/models")),
      portOf(() => new Promise(() => undefined)),
      portOf(() => new Response(`{"data": [${'{"id": "a"},'.repeat(200_000)}{"id": "a"}]}`)),
    ];
    expect(await findServers(signal, others)).toEqual([]);
  });

  test("cannot write to the terminal by the names of their models", async () => {
    const names = ["\u001b]0;owned\u0007", "a\u202eb", "c\nd", "x".repeat(201), "", "qwen3:8b"];
    const place = portOf(() => Response.json({ data: names.map((id) => ({ id })) }));
    expect(await findServers(signal, [place])).toMatchObject([{ models: ["qwen3:8b"] }]);
  });
});

describe("a person who chooses a model", () => {
  const shell = {
    signal: new AbortController().signal,
    cwd: place,
    note: () => undefined,
    readStandardInput: async () => undefined,
  };

  /** Gives the answers in order; a choice is made by how its label begins. */
  function person(...answers: readonly string[]) {
    const asked: string[] = [];
    const given = [...answers];
    const next = async (question: string) => {
      asked.push(question);
      return given.shift() ?? "";
    };
    const prompts: Prompts = {
      text: next,
      hidden: next,
      confirm: async () => true,
      choose: async (question, choices) => {
        const answer = await next(question);
        const found = choices.find(({ label }) => label.startsWith(answer));
        if (!found) throw new Error(`${answer} is not among ${choices.map(({ label }) => label).join("; ")}`);
        return found.value;
      },
    };
    return { asked, prompts };
  }

  test("is offered the servers that run here, with their models and without being asked for a key", async () => {
    const { url } = await modelSaying(ready);
    const found = [{ provider: "generic", base_url: url, models: ["scripted-1", "scripted-2"] }];
    const { asked, prompts } = person(`generic at ${new URL(url).host}: running here with 2 models`, "scripted-2");
    const { choice, answered_ms } = await modelFromPerson(shell, prompts, { test: true }, providers, async () => found);
    expect(asked).toEqual(["Model provider", "Model of generic"]);
    expect(choice).toMatchObject({ base_url: url, model: "scripted-2", key: null });
    expect(answered_ms).toBeGreaterThanOrEqual(0);
  });

  test("types the name of a model where none is listed, and is asked again for an empty one", async () => {
    const { asked, prompts } = person("openai", secret, "", "gpt");
    const nowhere = { test: false, base_url: "http://127.0.0.1:9/v1" };
    const { choice } = await modelFromPerson(shell, prompts, nowhere, providers, async () => []);
    expect(asked).toEqual([
      "Model provider",
      "Key of openai",
      "Name of the model of openai",
      "Name of the model of openai: a model must be named",
    ]);
    expect(choice).toMatchObject({ model: "gpt", key: secret, base_url: nowhere.base_url });
  });

  test("is told in the question why a model did not answer, with nothing in it that drives a terminal", async () => {
    const { url } = await modelSaying({
      fail: { status: 500, body: '{"error":{"message":"\\u001b[2J \\u202e down"}}' },
    });
    const flags = { test: true, provider: "generic", base_url: url, model: "m" };
    const { asked, prompts } = person("", "keep");
    const { answered_ms } = await modelFromPerson(shell, prompts, flags, providers);
    expect(answered_ms).toBeNull();
    expect(asked[1]).toMatch(/^generic\/m did not answer: generic answered 500: .*down$/);
    expect(asked[1]).not.toMatch(/\p{C}/u);
  });
});
