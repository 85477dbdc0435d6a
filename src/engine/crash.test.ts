import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJsonObject } from "../core/canonical.ts";
import { type Home, homeAt } from "../core/home.ts";
import { providers } from "../providers/index.ts";
import { tools } from "../tools/index.ts";
import { compareWithManifest } from "./bundle.ts";
import { initHome } from "./init.ts";
import { openEngine } from "./open.ts";
import { replayBundle } from "./replay.ts";

/**
 * The real binary is killed by the kernel (strace injects SIGKILL) when it enters its Nth call of a kind that changes the
 * disk, for every N until it gets through. Whatever N was, the next start must find nothing lost and nothing `running`.
 */
const binary = join(import.meta.dir, "..", "..", "dist", "reeve");
const kinds = "fsync,fdatasync,pwrite64,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,ftruncate";

let directory: string;
let home: Home;

beforeAll(async () => {
  if (!Bun.which("strace")) throw new Error("strace is needed for this test: apt-get install strace");
  if (!existsSync(binary)) throw new Error("dist/reeve is needed for this test: make dist/reeve");
  directory = mkdtempSync(join(tmpdir(), "reeve-crash-"));
  home = homeAt(join(directory, "live", "home"));
  mkdirSync(join(directory, "live"));
  await initHome({
    home,
    witness: join(directory, "live", "witness", "note"),
    agent: "default",
    profile: "editor",
    force: false,
  });
  cpSync(join(directory, "live"), join(directory, "pristine"), { recursive: true, preserveTimestamps: true });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function restore(): void {
  rmSync(join(directory, "live"), { recursive: true });
  cpSync(join(directory, "pristine"), join(directory, "live"), { recursive: true, preserveTimestamps: true });
}

/** The exit status, or undefined when the process was killed on its way. */
function runKilledAt(n: number, message: string): number | undefined {
  const strace = [
    "strace",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${kinds}`,
    "-e",
    `inject=${kinds}:signal=SIGKILL:when=${n}`,
  ];
  const run = Bun.spawnSync(
    [...strace, binary, "run", "--home", home.root, "--as", "agent:default", "--message", message],
    {
      env: { PATH: process.env["PATH"] ?? "", HOME: directory, TZ: "UTC" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    },
  );
  return run.signalCode === "SIGKILL" || run.exitCode === 137 ? undefined : run.exitCode;
}

async function checkNextStart(n: number): Promise<string> {
  const file = join(home.root, "workspace", "note.txt");
  const content = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  const engine = await openEngine({ home, tools, providers, version: "test" });
  const { ledger, runs } = engine.keeper;
  const { rows } = await runs.list({ limit: 10, offset: 0 });
  const intent = await ledger.latest("call.intent");
  const states = rows.map((row) => row.state);
  for (const row of rows) {
    const bundle = join(home.runs, row.id);
    const manifest = JSON.parse(readFileSync(join(bundle, "manifest.json"), "utf8"));
    expect([n, compareWithManifest(bundle, manifest.files)]).toEqual([n, []]);
    if (row.state === "completed") expect([n, (await replayBundle(bundle)).differences]).toEqual([n, []]);
  }
  const end = await ledger.latest("run.end");
  await engine.close();
  expect([n, content === undefined || content === "the whole note"]).toEqual([n, true]);
  if (content !== undefined)
    expect([n, isJsonObject(intent?.payload) && intent.payload["tool"]]).toEqual([n, "fs.write"]);
  if (rows.length > 0)
    expect([n, isJsonObject(end?.payload) && end.payload["state"]]).toEqual([n, states[0] as string]);
  return states[0] ?? "not begun";
}

test("a run killed at any change of the disk leaves no run running, no torn file, and no effect without its intent", async () => {
  const found = new Map<string, number>();
  let exit: number | undefined;
  let n = 0;
  while (exit === undefined && n < 500) {
    restore();
    exit = runKilledAt(++n, '/tool fs.write {"path":"note.txt","content":"the whole note"}');
    const state = await checkNextStart(n);
    found.set(state, (found.get(state) ?? 0) + 1);
  }
  expect(exit).toBe(0);
  expect([...found.keys()].sort()).toEqual(["completed", "interrupted", "not begun"]);
  expect(n).toBeGreaterThan(20);
}, 240_000);
