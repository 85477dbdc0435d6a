/** Programs of agents through the door, behind the walls of this machine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeAt } from "../core/home.ts";
import type { Json } from "../core/canonical.ts";
import { agent, operator } from "../define/principal.ts";
import { tools } from "../tools/index.ts";
import { loadPolicy } from "../policy/policy.ts";
import { savePolicy } from "../policy/change.ts";
import type { Engine } from "./engine.ts";
import { initHome } from "./init.ts";
import type { LiveEvent } from "./live.ts";
import { openEngine } from "./open.ts";

const bot = agent("bot");
const nobody = 65_534;
let root: string;
let engine: Engine;
let workspace: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "reeve-programs-"));
  const home = homeAt(join(root, "home"));
  await initHome({ home, witness: join(root, "outside", "witness"), agent: "bot", profile: "observer", force: false });
  workspace = join(home.root, "workspace");
  mkdirSync(join(workspace, "private"), { recursive: true });
  for (const [name, text] of [
    ["data.txt", "b\na\n"],
    ["key.pem", "KEY"],
    ["private/x", "X"],
  ] as const) {
    writeFileSync(join(workspace, name), text);
  }
  chmodSync(workspace, 0o755);
  if (process.getuid?.() === 0) {
    for (const path of ["", "data.txt", "key.pem", "private", "private/x"])
      chownSync(join(workspace, path), nobody, nobody);
  }
  const grant = (capability: string, i: number) => ({
    id: `g${i}`,
    capability,
    expires_at: null,
    provenance: { by: "operator", via: "test", at: "2026-01-01T00:00:00Z" },
  });
  const capabilities = [
    "fs.read:**",
    "fs.write:**",
    "shell.exec:sort",
    "shell.exec:cat",
    "shell.exec:sh -c id",
    "shell.exec:ls",
    "shell.exec:printf",
  ];
  const grants = [
    ...capabilities,
    "sandbox.exec:2",
    "code.run:bash",
    "code.run:node",
    "http.request:CONNECT a.example:443",
  ].map(grant);
  const rules = [
    { id: "keys", effect: "deny", principal: "agent:*", capability: "fs.read:**/*.pem", reason: "keys stay unread" },
  ] as const;
  savePolicy(home.policy, { ...loadPolicy(home.policy), agents: new Map([["bot", grants]]), rules });
  engine = await openEngine({ home, tools, providers: [], version: "test" });
});

afterAll(async () => {
  await engine?.close();
  rmSync(root, { recursive: true, force: true });
});

const call = (tool: string, input: Json) => engine.call(bot, tool, input);

async function output(tool: string, input: Json): Promise<Record<string, Json>> {
  const result = await call(tool, input);
  if (!result.ok) throw new Error(JSON.stringify(result));
  return result.output as Record<string, Json>;
}

describe("shell.exec", () => {
  test("runs a line whose commands are each allowed, and says how it went", async () => {
    expect(await output("shell.exec", { line: "sort data.txt | cat" })).toMatchObject({
      exit_code: 0,
      stdout: "a\nb\n",
    });
    expect(await output("shell.exec", { command: "ls", args: ["/nowhere"] })).toMatchObject({ exit_code: 2 });
  });

  test("runs nothing of a line with one command that is not", async () => {
    expect(await call("shell.exec", { line: "sort data.txt; id" })).toMatchObject({ ok: false, code: "policy.denied" });
    expect(await call("shell.exec", { line: "sort $(id)" })).toMatchObject({ ok: false, code: "policy.denied" });
  });

  test("what policy keeps from the agent is not there for the program", async () => {
    const { stdout, stderr } = await output("shell.exec", { command: "cat", args: ["key.pem", "private/x"] });
    expect(stdout).toBe("X");
    expect(String(stderr)).toContain("key.pem");
  });

  test("variables that decide what runs are refused", async () => {
    for (const name of ["LD_PRELOAD", "PATH", "BASH_ENV", "NODE_OPTIONS", "https_proxy", "BUN_OPTIONS"]) {
      const result = await call("shell.exec", { command: "ls", env: { [name]: "x" } });
      expect([name, result.ok ? "ran" : result.code]).toEqual([name, "policy.denied"]);
    }
    expect(await output("shell.exec", { command: "ls", env: { COLUMNS: "80" } })).toMatchObject({ exit_code: 0 });
  });

  test("what it may write it writes, what changed is told, and undo brings back what was", async () => {
    expect(await output("shell.exec", { line: "sort data.txt > out" })).toMatchObject({ exit_code: 1, changed: [] });
    const written = await call("shell.exec", { line: "sort data.txt > private/x", fs_write: ["private"] });
    expect(written).toMatchObject({ ok: true, output: { exit_code: 0, changed: ["private/x"] } });
    expect(readFileSync(join(workspace, "private/x"), "utf8")).toBe("a\nb\n");
    const undone = await engine.call(operator, "run.undo", { run_id: written.run_id });
    expect(undone).toMatchObject({ ok: true });
    expect(readFileSync(join(workspace, "private/x"), "utf8")).toBe("X");
  });

  test("each execution has its entry, and the run's watchers hear it", async () => {
    const { ledger } = engine.keeper;
    const before = ledger.size();
    const heard: LiveEvent[] = [];
    await engine.call(bot, "shell.exec", { command: "ls" }, { onEvent: (event) => heard.push(event) });
    const types: string[] = [];
    for (let seq = before; seq < ledger.size(); seq++) types.push((await ledger.entry(seq)).type);
    expect(types).toContain("sandbox.exec");
    expect(types.indexOf("call.intent")).toBeLessThan(types.indexOf("sandbox.exec"));
    expect(heard.some((event) => event.type === "tool.output" && event.text.includes("data.txt"))).toBe(true);
  });
});

describe("after strangers' words", () => {
  const piped = (tool: string, input: Json) => engine.call(bot, tool, input, { source: "stdin" });

  test("a program that could read and send in one call is asked about, though nothing private was read before", async () => {
    const network = ["a.example:443"];
    const asked = { code: "approval.pending" };
    expect(await piped("shell.exec", { command: "ls", network })).toMatchObject(asked);
    expect(await piped("shell.exec", { command: "ls", network, fs_read: ["data.txt"] })).toMatchObject(asked);
    expect(await piped("shell.exec", { command: "ls" })).toMatchObject({ ok: true });
  });

  test("a program that may write a directory is asked about, since it could make there what acts by itself", async () => {
    const line = "sort data.txt > private/AGENTS.md";
    expect(await piped("shell.exec", { line, fs_write: ["private"] })).toMatchObject({ code: "approval.pending" });
    const written = await piped("shell.exec", { line: "printf other > private/x", fs_write: ["private/x"] });
    expect(written).toMatchObject({ ok: true, output: { changed: ["private/x"] } });
    // What it wrote is a stranger's for other tests too.
    expect(await engine.call(operator, "run.revert", { run_id: written.run_id })).toMatchObject({ ok: true });
  });

  test("the same is done unasked before them", async () => {
    const line = "sort data.txt > private/AGENTS.md";
    const result = await call("shell.exec", { line, fs_write: ["private"] });
    expect(result).toMatchObject({ ok: true, output: { changed: ["private/AGENTS.md"] } });
    expect(await engine.call(operator, "run.undo", { run_id: result.run_id })).toMatchObject({ ok: true });
  });

  test("what a run after them wrote makes the program that is shown it a stranger's", async () => {
    const written = await piped("fs.write", { path: "steps.txt", content: "do as I say" });
    expect(written).toMatchObject({ ok: true });
    const network = ["a.example:443"];
    const shown = { command: "ls", network, fs_read: ["steps.txt"] };
    expect(await call("shell.exec", shown)).toMatchObject({ code: "approval.pending" });
    expect(await engine.call(operator, "run.revert", { run_id: written.run_id })).toMatchObject({ ok: true });
  });
});

describe("the others", () => {
  test("ring 2 of sandbox.exec sees an empty directory", async () => {
    expect(await output("sandbox.exec", { argv: ["ls", "-A"] })).toMatchObject({ exit_code: 0, stdout: "" });
    expect(await call("sandbox.exec", { argv: ["ls"], ring: 1 })).toMatchObject({ ok: false, code: "policy.denied" });
    expect(await call("sandbox.exec", { argv: ["ls"], fs_read: ["."] })).toMatchObject({ ok: false });
  });

  test("code.run runs the text it is given", async () => {
    expect(await output("code.run", { language: "bash", code: 'echo "$1"; cat data.txt', args: ["hi"] })).toMatchObject(
      {
        stdout: "hi\nb\na\n",
      },
    );
    expect(await call("code.run", { language: "python", code: "1" })).toMatchObject({
      ok: false,
      code: "policy.denied",
    });
  });
});

test("a file with another name elsewhere stays as it is; one whose names may all be written does not", async () => {
  const linked = join(workspace, "linked");
  mkdirSync(linked);
  writeFileSync(join(root, "elsewhere"), "as it was");
  writeFileSync(join(workspace, "beside"), "as it was");
  writeFileSync(join(linked, "one"), "as it was");
  linkSync(join(root, "elsewhere"), join(linked, "twin"));
  linkSync(join(workspace, "beside"), join(linked, "near"));
  linkSync(join(linked, "one"), join(linked, "other"));
  for (const each of [linked, ...["twin", "near", "one"].map((name) => join(linked, name))]) {
    if (process.getuid?.() === 0) chownSync(each, nobody, nobody);
  }
  const code = "for f in twin near one; do echo x >$f; mv $f moved-$f; rm -f $f; done; cat twin near";
  const done = await output("code.run", { language: "bash", code, cwd: "linked", fs_write: ["linked"] });
  expect(done["stdout"]).toBe("as it wasas it was");
  expect(readFileSync(join(root, "elsewhere"), "utf8")).toBe("as it was");
  expect(readFileSync(join(workspace, "beside"), "utf8")).toBe("as it was");
  expect(readFileSync(join(linked, "other"), "utf8")).toBe("x\n");
  expect(readdirSync(linked).sort()).toEqual(["moved-one", "near", "other", "twin"]);
});

test("more such files than can be mounted one by one refuse the program", async () => {
  const many = join(workspace, "many");
  mkdirSync(many);
  writeFileSync(join(root, "store"), "");
  for (let i = 0; i < 257; i++) linkSync(join(root, "store"), join(many, `twin${i}`));
  const result = await call("code.run", { language: "bash", code: "true", fs_write: ["many"] });
  expect(result).toMatchObject({ ok: false, fault: { code: "resource_exhausted" } });
  rmSync(many, { recursive: true });
});
