import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { loadConfig } from "./load.ts";
import { setConfig } from "./set.ts";

const dir = mkdtempSync(join(tmpdir(), "reeve-set-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const text = `// ours
{
  "engine": {
    "max_concurrent_runs": 8, // small machine
  },
}
`;
let files = 0;
function newFile(content = text): string {
  const path = join(dir, `config-${files++}.json`);
  writeFileSync(path, content);
  return path;
}

function faultOf(act: () => unknown): Fault {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

const write = { dry_run: false };

describe("setConfig", () => {
  test("changes values, keeps comments and a copy of the old file, and names what changed in order", () => {
    const path = newFile();
    const changed = setConfig(
      path,
      { "output.max_message_bytes": 2e6, "engine.max_concurrent_runs": 4, "model.name": null },
      write,
    );
    expect(changed).toEqual(["engine.max_concurrent_runs", "output.max_message_bytes"]);
    expect(loadConfig(path)).toMatchObject({
      engine: { max_concurrent_runs: 4 },
      output: { max_message_bytes: 2_000_000 },
    });
    const after = readFileSync(path, "utf8");
    expect(after).toStartWith('// ours\n{\n  "engine": {\n    "max_concurrent_runs": 4, // small machine\n');
    expect(readFileSync(`${path}.bak`, "utf8")).toBe(text);
    expect([statSync(path).mode & 0o777, statSync(`${path}.bak`).mode & 0o777]).toEqual([0o600, 0o600]);
  });

  test("a dry run says the same and writes nothing", () => {
    const path = newFile();
    expect(setConfig(path, { "agent.default": "house" }, { dry_run: true })).toEqual(["agent.default"]);
    expect([readFileSync(path, "utf8"), existsSync(`${path}.bak`)]).toEqual([text, false]);
  });

  test("writes nothing when nothing changes, also when a default is set to itself", () => {
    const path = newFile();
    const before = statSync(path, { bigint: true });
    expect(setConfig(path, { "engine.max_concurrent_runs": 8, "engine.max_tool_iterations": 120 }, write)).toEqual([]);
    expect(setConfig(path, {}, write)).toEqual([]);
    expect([statSync(path, { bigint: true }).ino, existsSync(`${path}.bak`)]).toEqual([before.ino, false]);
  });

  test("one unfit value refuses all, and every mistake is named", () => {
    const path = newFile();
    const updates = {
      "agent.default": "house",
      "engine.max_concurrent_runs": 1.5,
      "engine.tool_timeout": 1,
      engine: {},
      "network.enabled": true,
      "chat.default_agent_id": "a",
    };
    const fault = faultOf(() => setConfig(path, updates, write));
    expect(fault.code).toBe("invalid_argument");
    expect(fault.data?.["issues"]).toEqual([
      "engine.max_concurrent_runs: must be an integer from 1 to 10000, not 1.5",
      "engine.tool_timeout: unknown key",
      "engine: unknown key",
      "network.enabled: has no effect",
      "chat.default_agent_id: has another name now",
    ]);
    expect(fault.hint).toContain('did you mean "engine.tool_timeout_ms"?');
    expect([readFileSync(path, "utf8"), existsSync(`${path}.bak`)]).toEqual([text, false]);
  });

  test("a quoted number is refused, and 1e6 is taken", () => {
    const path = newFile();
    expect(faultOf(() => setConfig(path, { "engine.tool_timeout_ms": "1000000" }, write)).code).toBe(
      "invalid_argument",
    );
    expect(setConfig(path, { "engine.tool_timeout_ms": 1e6 }, write)).toEqual(["engine.tool_timeout_ms"]);
  });

  test("names every object has are no settings", () => {
    const path = newFile();
    for (const field of ["__proto__", "constructor", "engine.constructor", "engine.__proto__", "toString.x", ""]) {
      const updates = Object.fromEntries([[field, 1]]);
      expect([field, faultOf(() => setConfig(path, updates, write)).code]).toEqual([field, "invalid_argument"]);
    }
  });

  test("a file that is already wrong is reported and left alone", () => {
    for (const [content, code] of [
      ['{"engine": {', "data_loss"],
      ['{"engin": {}}', "invalid_argument"],
    ] as const) {
      const path = newFile(content);
      expect(faultOf(() => setConfig(path, { "agent.default": "house" }, write)).code).toBe(code);
      expect([readFileSync(path, "utf8"), existsSync(`${path}.bak`)]).toEqual([content, false]);
    }
  });

  test("two processes setting at once lose no change", async () => {
    const path = newFile();
    const code = (field: string) => `import { setConfig } from ${JSON.stringify(join(import.meta.dir, "set.ts"))};
      for (let i = 1; i <= 20; i++) setConfig(${JSON.stringify(path)}, { ${JSON.stringify(field)}: 1000 + i }, { dry_run: false });`;
    const fields = ["engine.max_tool_iterations", "ledger.checkpoint_entries"];
    const workers = fields.map((field) =>
      Bun.spawn([process.execPath, "-e", code(field)], { env: {}, stderr: "inherit" }),
    );
    expect(await Promise.all(workers.map((worker) => worker.exited))).toEqual([0, 0]);
    expect(loadConfig(path)).toMatchObject({
      engine: { max_tool_iterations: 1020 },
      ledger: { checkpoint_entries: 1020 },
    });
  });
});
