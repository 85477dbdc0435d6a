/** Attacks that succeeded against an earlier system, performed on the built binary. Each must fail, and leave nothing behind. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const binary = join(import.meta.dir, "../dist/reeve");
const place = mkdtempSync(join(tmpdir(), "reeve-abuse-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Ended {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  /** The one JSON document of `--json`. */
  readonly json: Document;
}

interface Document {
  readonly run_id?: string;
  readonly bundle?: string;
  readonly proposal?: string;
  readonly output?: {
    readonly content?: string;
    readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

interface Estate {
  readonly root: string;
  readonly home: string;
  readonly workspace: string;
  reeve(argv: readonly string[], input?: string): Ended;
  /** A tool called by agent `default`, which holds every profile's grants. */
  asAgent(tool: string, input: unknown): Ended;
  asOperator(tool: string, input: unknown): Ended;
}

/** A home of its own whose agent holds as much as an agent can be given by a profile. */
function estate(profile = "operator"): Estate {
  const root = mkdtempSync(join(place, "estate-"));
  const [home, workspace] = [join(root, "home"), join(root, "home/workspace")];
  const reeve = (argv: readonly string[], input?: string): Ended => {
    const child = Bun.spawnSync([binary, ...argv, "--home", home, "--json"], {
      cwd: root,
      env: { XDG_STATE_HOME: join(root, "state"), HOME: root },
      stdin: input === undefined ? "ignore" : Buffer.from(input),
    });
    const [out, err] = [child.stdout.toString(), child.stderr.toString()];
    return { exit: child.exitCode, out, err, json: (out === "" ? {} : JSON.parse(out)) as Document };
  };
  const made = reeve(["init", "--profile", profile]);
  if (made.exit !== 0) throw new Error(made.out + made.err);
  const directive = (tool: string, input: unknown) => `/tool ${tool} ${JSON.stringify(input)}`;
  return {
    root,
    home,
    workspace,
    reeve,
    asAgent: (tool, input) => reeve(["run", "--as", "agent:default", "--message", directive(tool, input)]),
    asOperator: (tool, input) => reeve(["run", "--message", directive(tool, input)]),
  };
}

const denied = 10;

describe("leaving the workspace", () => {
  test("a write through a symbolic link does not reach the config it points to", () => {
    const { home, workspace, asAgent, asOperator } = estate();
    const config = join(home, ".reeve/config.json");
    const before = readFileSync(config, "utf8");
    symlinkSync(config, join(workspace, "notes.txt"));
    for (const act of [asAgent, asOperator]) {
      expect(act("fs.write", { path: "notes.txt", content: "{}" }).exit).toBe(denied);
      expect(act("fs.append", { path: "notes.txt", content: "{}" }).exit).toBe(denied);
      expect(act("fs.edit", { path: "notes.txt", old: "{", new: "[" }).exit).toBe(denied);
    }
    expect(readFileSync(config, "utf8")).toBe(before);
  });

  test("a write through a linked directory or a hard link does not reach what lies behind it", () => {
    const { root, workspace, asAgent } = estate();
    const outside = join(root, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "victim"), "whole");
    symlinkSync(outside, join(workspace, "door"));
    linkSync(join(outside, "victim"), join(workspace, "twin"));
    expect(asAgent("fs.write", { path: "door/new", content: "x" }).exit).toBe(denied);
    expect(asAgent("fs.write", { path: "twin", content: "x" }).exit).toBe(denied);
    expect(asAgent("fs.write", { path: "../outside/victim", content: "x" }).exit).toBe(denied);
    expect(readdirSync(outside)).toEqual(["victim"]);
    expect(readFileSync(join(outside, "victim"), "utf8")).toBe("whole");
  });

  test("a search does not follow a linked file out of the workspace", () => {
    const { root, workspace, asAgent } = estate();
    writeFileSync(join(root, "private.txt"), "needle-outside\n");
    writeFileSync(join(workspace, "own.txt"), "needle-inside\n");
    symlinkSync(join(root, "private.txt"), join(workspace, "link.txt"));
    const found = asAgent("code.search", { pattern: "needle" });
    expect(found.exit).toBe(0);
    expect(found.out).toContain("needle-inside");
    expect(found.out).not.toContain("needle-outside");
  });

  test("the workspace itself cannot be deleted", () => {
    const { workspace, asAgent, asOperator } = estate();
    writeFileSync(join(workspace, "kept.txt"), "kept");
    for (const act of [asAgent, asOperator]) {
      for (const path of [".", "./", "", workspace]) {
        expect(act("fs.delete", { path, recursive: true, force: true }).exit).not.toBe(0);
      }
    }
    expect(readFileSync(join(workspace, "kept.txt"), "utf8")).toBe("kept");
  });
});

describe("gaining power", () => {
  test("an agent cannot change the config, and its attempt waits as a proposal", () => {
    const { home, asAgent } = estate();
    const config = join(home, ".reeve/config.json");
    const before = readFileSync(config, "utf8");
    const tried = asAgent("config.set", { updates: { "engine.max_concurrent_runs": 1 } });
    expect(tried.exit).toBe(denied);
    expect(tried.json.proposal).toBeString();
    expect(readFileSync(config, "utf8")).toBe(before);
  });

  test("an agent cannot grant itself or another anything", () => {
    const { home, asAgent } = estate();
    const policy = join(home, ".reeve/policy.json");
    const before = readFileSync(policy, "utf8");
    expect(asAgent("policy.grant", { agent_id: "default", capability: "policy.grant" }).exit).toBe(denied);
    expect(asAgent("policy.grant", { agent_id: "friend", capability: "fs.write" }).exit).toBe(denied);
    expect(asAgent("secrets.set", { key: "provider/x", value: "planted" }).exit).toBe(denied);
    expect(readFileSync(policy, "utf8")).toBe(before);
  });

  test("an agent may do what its grants cover and nothing more", () => {
    const { workspace, reeve, asAgent } = estate("observer");
    writeFileSync(join(workspace, "a.txt"), "a");
    expect(asAgent("fs.read", { path: "a.txt" }).exit).toBe(0);
    const acts = () => [
      asAgent("fs.write", { path: "b.txt", content: "b" }).exit,
      asAgent("fs.delete", { path: "a.txt" }).exit,
      asAgent("fs.move", { src: "a.txt", dst: "b.txt" }).exit,
      asAgent("secrets.list", {}).exit,
      asAgent("run.cancel", { run_id: "01890a5d-ac96-774b-bcce-b302099a8057" }).exit,
    ];
    expect(acts()).toEqual([denied, denied, denied, denied, denied]);
    expect(reeve(["policy", "grant", "agent:default", "fs.write:notes/**"]).exit).toBe(0);
    expect(acts()).toEqual([denied, denied, denied, denied, denied]);
    expect(readdirSync(workspace)).toEqual(["a.txt"]);
  });

  test("an agent that does not exist may do nothing", () => {
    const { reeve, workspace } = estate();
    writeFileSync(join(workspace, "a.txt"), "a");
    for (const message of ['/tool fs.list {"path":"."}', '/tool fs.read {"path":"a.txt"}', "list the files"]) {
      const tried = reeve(["run", "--as", "agent:ghost", "--message", message]);
      expect([4, denied]).toContain(tried.exit);
      expect(tried.out).not.toContain('a.txt"');
    }
  });

  test("a policy file that cannot be read allows an agent nothing", () => {
    for (const broken of ["{", "", '{"version": 1, "grants": [', "null", '{"allow": "*"}']) {
      const { home, asAgent } = estate();
      writeFileSync(join(home, ".reeve/policy.json"), broken);
      expect(asAgent("fs.list", { path: "." }).exit).not.toBe(0);
      expect(asAgent("fs.write", { path: "a", content: "x" }).exit).not.toBe(0);
      expect(existsSync(join(home, "workspace/a"))).toBe(false);
    }
  });

  test("an agent's name cannot be a path", () => {
    const { root, reeve } = estate();
    const before = readdirSync(root).sort();
    for (const name of ["../../pwn", ".", "..", "a/b", "/etc", "a\u0000b", "", "A", "-x"]) {
      if (!name.includes("\u0000")) {
        expect(reeve(["ask", `--agent=${name}`, "hello"]).exit).toBe(2);
        expect(reeve(["run", "--as", `agent:${name}`, "--message", "/tool time.now {}"]).exit).toBe(2);
      }
    }
    expect(readdirSync(root).sort()).toEqual(before);
    expect(existsSync(join(root, "../pwn"))).toBe(false);
  });
});

describe("secrets", () => {
  const secret = "correct-horse-9f8e7d6c5b4a";
  const forms = [
    secret,
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("hex"),
    secret.toUpperCase(),
  ];
  let ground: Estate;
  let outputs: readonly Ended[];

  beforeAll(() => {
    ground = estate();
    const { workspace, reeve, asAgent, asOperator } = ground;
    const stored = reeve(["secrets", "set", "service/key", "--stdin"], `${secret}\n`);
    writeFileSync(join(workspace, "leak.txt"), `token=${secret}\nagain=${forms[1]}\n`);
    const typed = reeve(["run", "--message", `my key is ${secret}, what time is it?`]);
    outputs = [
      stored,
      typed,
      asAgent("fs.read", { path: "leak.txt" }),
      asAgent("code.search", { pattern: "token" }),
      asAgent("fs.write", { path: "copy.txt", content: `copied ${secret}` }),
      asAgent("fs.read", { path: secret }),
      asAgent("secrets.list", {}),
      asOperator("secrets.list", {}),
      asOperator("config.get", {}),
    ];
  });

  test("the value appears in no output of any command", () => {
    for (const { out, err } of outputs) for (const form of forms.slice(0, 3)) expect(out + err).not.toContain(form);
    expect(outputs[0]?.exit).toBe(0);
    expect(outputs[2]?.out).toContain("[secret:service/key]");
  });

  test("the value appears in no record: ledger, state, bundle, vault or undo", () => {
    const files = readdirSync(ground.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const records = files
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.startsWith(ground.workspace));
    expect(records.length).toBeGreaterThan(10);
    const holding = records.filter((path) => forms.slice(0, 3).some((form) => readFileSync(path).includes(form)));
    expect(holding.map((path) => path.slice(ground.home.length))).toEqual([]);
  });

  test("no tool returns a value", () => {
    expect(ground.asAgent("secrets.get", { key: "service/key" }).exit).toBe(4);
    expect(ground.asOperator("secrets.get", { key: "service/key" }).exit).toBe(4);
  });
});

describe("records of runs", () => {
  test("one run id goes from the answer to the bundle, the list and every ledger entry", () => {
    const { home, reeve, asAgent } = estate();
    const { json } = asAgent("time.now", {});
    const id = json.run_id ?? "";
    expect(basename(json.bundle ?? "")).toBe(id);
    expect(reeve(["runs", "show", id]).exit).toBe(0);
    expect(reeve(["runs", "list"]).out).toContain(id);
    const ledger = new Database(join(home, ".reeve/ledger.db"), { readonly: true });
    const tables = ledger.query("select name from sqlite_schema where type = 'table' and name like 'entr%'").values();
    const bytes = ledger.query(`select * from ${String(tables[0]?.[0])}`).values();
    ledger.close();
    const entries = bytes.map((row) =>
      row.map((cell) => (cell instanceof Uint8Array ? Buffer.from(cell).toString() : String(cell))).join(" "),
    );
    const calls = entries.filter((entry) => /"type":"call\.(?:intent|outcome)"/.test(entry));
    expect(calls.length).toBe(2);
    expect(calls.filter((entry) => !entry.includes(`"run":"${id}"`))).toEqual([]);
  });

  test("a run that failed leaves a whole bundle", () => {
    const { home, asAgent } = estate();
    expect(asAgent("fs.read", { path: "missing.txt" }).exit).toBe(4);
    const [id] = readdirSync(join(home, "runs"));
    const names = readdirSync(join(home, "runs", id ?? "")).sort();
    const whole = [
      "events.jsonl",
      "input.json",
      "manifest.json",
      "meta.json",
      "output.md",
      "prompt.md",
      "toolcalls.jsonl",
    ];
    expect(names).toEqual(expect.arrayContaining(whole));
  });

  test("a run whose process was killed is found interrupted, not running", async () => {
    const { root, home, reeve } = estate();
    const runs = join(home, "runs");
    const env = { XDG_STATE_HOME: join(root, "state"), HOME: root };
    const child = Bun.spawn([binary, "run", "--home", home, "--message", "/tool system.health {}"], {
      env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    while (
      !(existsSync(runs) && readdirSync(runs).some((id) => existsSync(join(runs, id, "events.jsonl")))) &&
      child.exitCode === null
    ) {
      await Bun.sleep(1);
    }
    child.kill("SIGKILL");
    await child.exited;
    const states = JSON.stringify(reeve(["runs", "list"]).json);
    expect(states).toContain('"interrupted"');
    expect(states).not.toContain('"running"');
    expect(reeve(["verify-ledger"]).exit).toBe(0);
  });

  test("a byte changed in the ledger is found", () => {
    const { home, reeve, asAgent } = estate();
    asAgent("time.now", {});
    const path = join(home, ".reeve/ledger.db");
    const bytes = readFileSync(path);
    const at = bytes.lastIndexOf("time.now");
    expect(at).toBeGreaterThan(0);
    bytes.write("time.not", at);
    writeFileSync(path, bytes);
    expect(reeve(["verify-ledger"]).exit).toBe(14);
  });
});

describe("what goes in comes out", () => {
  test("a file read again after a write has the new content", () => {
    const { asAgent } = estate();
    for (const content of ["first", "second", "third"]) {
      expect(asAgent("fs.write", { path: "a.txt", content }).exit).toBe(0);
      expect(asAgent("fs.read", { path: "a.txt" }).out).toContain(content);
    }
  });

  test("a setting changed leaves the others as they were", () => {
    const { asOperator } = estate();
    const settings = () => {
      const { json } = asOperator("config.get", {});
      return json.output?.config ?? {};
    };
    expect(asOperator("config.set", { updates: { "output.max_message_bytes": 5000 } }).exit).toBe(0);
    const before = settings();
    expect(before["output"]).toMatchObject({ max_message_bytes: 5000 });
    expect(asOperator("config.set", { updates: { "engine.max_concurrent_runs": 7 } }).exit).toBe(0);
    expect(settings()).toEqual({ ...before, engine: { ...before["engine"], max_concurrent_runs: 7 } });
  });

  test("1e6 is a million, and a number over the limit is refused instead of replaced", () => {
    const { workspace, asAgent } = estate();
    writeFileSync(join(workspace, "big.txt"), "x".repeat(1_000_500));
    const read = (max_bytes: string) => {
      const { exit, json } = asAgent("fs.read", { path: "big.txt", max_bytes: Number(max_bytes) });
      return { exit, length: (json.output?.content ?? "").length };
    };
    expect(read("1e6")).toEqual({ exit: 0, length: 1_000_000 });
    expect(read("1e12")).toEqual({ exit: 2, length: 0 });
  });

  test("a message of any length is said once", () => {
    const { home, reeve } = estate();
    const message = `what time is it? ${"so it goes ".repeat(400)}END-OF-MESSAGE`;
    expect(reeve(["ask", message]).exit).toBe(0);
    const [id] = readdirSync(join(home, "runs"));
    const prompt = readFileSync(join(home, "runs", id ?? "", "prompt.md"), "utf8");
    expect(prompt.split("END-OF-MESSAGE").length).toBe(2);
    expect(prompt).toContain(message);
  });
});
