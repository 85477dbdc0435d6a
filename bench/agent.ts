/** What a run with a model costs: whole processes, the first request, failures of the model, and a session that grew long. */
import { copyFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ScriptTurn } from "../src/providers/testdata/model/script.ts";
import { SessionStore } from "../src/store/sessions.ts";
import { StateFile } from "../src/store/state.ts";
import { type Measurement, mb, measureProcesses, ms, quantile } from "./measurement.ts";
import { type BenchHome, makeHome, type ModelProcess, oneCall, oneProgram, spawnModel } from "./scripted.ts";

export async function measureAgent(binary: string): Promise<readonly Measurement[]> {
  const model = await spawnModel(oneCall);
  const home = makeHome(binary, model.url);
  try {
    return [
      ...(await wholeProcess(binary)),
      ...(await firstRequest(binary, home, model)),
      ...(await longSession(binary, home, model)),
      underCap(binary, home),
      ...(await faults(binary)),
    ];
  } finally {
    model.stop();
    home.remove();
  }
}

const untainted = { untrusted: false, private: false };
const ask = (binary: string, home: BenchHome, ...more: readonly string[]) => [
  binary,
  "ask",
  "--quiet",
  "--home",
  home.path,
  "look around",
  ...more,
];

async function wholeProcess(binary: string): Promise<readonly Measurement[]> {
  const model = await spawnModel(oneProgram);
  const home = makeHome(binary, model.url);
  try {
    home.run("policy", "grant", "agent:default", "shell.exec:ls");
    const tried = Bun.spawnSync(ask(binary, home, "--json"), { env: home.env });
    const { calls } = JSON.parse(tried.stdout.toString()) as { readonly calls: readonly { readonly ok: boolean }[] };
    if (calls.length !== 1 || calls[0]?.ok !== true) throw new Error("the program did not run");
    return processRows(binary, home);
  } finally {
    model.stop();
    home.remove();
  }
}

function processRows(binary: string, home: BenchHome): readonly Measurement[] {
  const [figures] = measureProcesses([ask(binary, home)], 20, home.env);
  if (!figures) throw new Error("nothing was measured");
  const what = "`reeve ask`, a program in the sandbox then the answer, whole process";
  return [
    {
      what: `${what}, time`,
      must: "≤ 150 ms",
      measured: `${ms(figures.median_ms)} (best ${ms(figures.min_ms)})`,
      holds: figures.median_ms <= 150,
    },
    { what: `${what}, memory`, must: "≤ 70 MB", measured: mb(figures.rss_bytes), holds: figures.rss_bytes <= 70e6 },
  ];
}

/** Milliseconds from the start of the process to the arrival of its first request, and that request's size. */
async function timed(argv: readonly string[], home: BenchHome, model: ModelProcess, runs: number) {
  const samples: { readonly after_ms: number; readonly size: number }[] = [];
  for (let i = 0; i < runs; i++) {
    const known = (await model.requests()).length;
    const started = Date.now();
    const child = Bun.spawnSync([...argv], { env: home.env, stdout: "ignore", stderr: "pipe" });
    if (child.exitCode !== 0) throw new Error(child.stderr.toString());
    const first = (await model.requests())[known];
    if (!first) throw new Error("no request came");
    samples.push({ after_ms: first.at_ms - started, size: first.size });
  }
  return {
    after_ms: quantile(
      samples.map((each) => each.after_ms),
      0.5,
    ),
    size: Math.max(...samples.map((each) => each.size)),
  };
}

async function firstRequest(binary: string, home: BenchHome, model: ModelProcess): Promise<readonly Measurement[]> {
  const { after_ms, size } = await timed(ask(binary, home), home, model, 11);
  return [
    {
      what: "first request of the default agent, JSON",
      must: "≤ 8,192 bytes",
      measured: `${size} bytes`,
      holds: size <= 8192,
    },
    {
      what: "first request, after the start of the process",
      must: "≤ 60 ms",
      measured: ms(after_ms),
      holds: after_ms <= 60,
    },
  ];
}

async function longSession(binary: string, home: BenchHome, model: ModelProcess): Promise<readonly Measurement[]> {
  const file = new StateFile(join(home.path, ".reeve", "state.db"));
  const sessions = new SessionStore(file);
  const created_at = new Date().toISOString();
  const place = { channel: "cli", user: "bench", room: "terminal", agent: "agent:default" };
  const { id } = await sessions.create({ ...place, title: "long", created_at });
  const content = "word ".repeat(40);
  const messages = Array.from({ length: 2000 }, (_, i) => ({
    role: i % 2 ? "assistant" : "user",
    content,
    tokens: 50,
    created_at,
  }));
  await sessions.append(id, "bench", messages, untainted);
  file.close();
  const { after_ms } = await timed(ask(binary, home, "--session", id), home, model, 11);
  return [
    {
      what: "a session of 2,000 messages gone on with, first request after the start of the process",
      must: "≤ 80 ms",
      measured: ms(after_ms),
      holds: after_ms <= 80,
    },
  ];
}

const cap_bytes = 128 * 1024 * 1024;

/**
 * A control group of the machine's own, made for this and removed again. The binary is a copy that nobody has read yet, so
 * that its pages are charged to the group and not to whoever read them before.
 */
function underCap(binary: string, home: BenchHome): Measurement {
  const what = "one whole turn in a control group of 128 MB without swap";
  const group = "/sys/fs/cgroup/memory/reeve-bench";
  try {
    mkdirSync(group);
  } catch (thrown) {
    return { what, must: "works", measured: `not measured: ${String(thrown)}`, holds: false };
  }
  try {
    writeFileSync(join(group, "memory.limit_in_bytes"), String(cap_bytes));
    const fresh = join(home.path, "..", "reeve-fresh");
    copyFileSync(binary, fresh);
    Bun.spawnSync(["dd", `of=${fresh}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"], { stderr: "ignore" });
    const script = `echo $$ >'${group}/cgroup.procs' && exec "$@"`;
    const started = performance.now();
    const child = Bun.spawnSync(["sh", "-c", script, "sh", ...ask(fresh, home)], { env: home.env, timeout: 30_000 });
    const peak = Number(readFileSync(join(group, "memory.max_usage_in_bytes"), "utf8"));
    const took = ms(performance.now() - started);
    const holds = child.exitCode === 0;
    return { what, must: "works", measured: holds ? `${took}, ${mb(peak)} charged` : `exit ${child.exitCode}`, holds };
  } finally {
    rmdirSync(group);
  }
}

const broken: readonly (readonly [name: string, turn: ScriptTurn])[] = [
  ["500", { fail: { status: 500 } }],
  ["429", { fail: { status: 429, headers: { "retry-after": "1" } } }],
  ["cut stream", { text: "half of an answer", fail: { cut: "after-first" } }],
  ["hang", { fail: { hang: "headers" } }],
];

async function faults(binary: string): Promise<readonly Measurement[]> {
  const rows: Measurement[] = [];
  const healthy = await spawnModel({ turns: [{ text: "from the other model" }] });
  for (const [name, turn] of broken) {
    const once = await spawnModel({ turns: [{ text: "recovered", attempts: [turn] }] });
    const always = await spawnModel({ turns: [turn] });
    const home = makeHome(binary, once.url);
    home.set("model.idle_timeout_ms", "300");
    const recovered = answerOf(binary, home);
    home.set("providers.generic.base_url", always.url);
    const alone = answerOf(binary, home);
    home.set("providers.ollama.base_url", healthy.url);
    home.set("model.fallback", '["ollama/m"]');
    const other = answerOf(binary, home);
    const isRight = recovered.text === "recovered" && recovered.exit === 0 && alone.exit !== 0;
    rows.push({
      what: `the model fails by ${name} once; and always, alone and with a fallback`,
      must: "recovers; exit ≠ 0; ≤ 2 s",
      measured: `${ms(recovered.took_ms)}; exit ${alone.exit}; ${ms(other.took_ms)}`,
      holds: isRight && other.text === "from the other model" && other.took_ms <= 2000,
    });
    home.remove();
    once.stop();
    always.stop();
  }
  healthy.stop();
  return rows;
}

function answerOf(binary: string, home: BenchHome) {
  const started = performance.now();
  const child = Bun.spawnSync(ask(binary, home), { env: home.env, timeout: 60_000 });
  return { text: child.stdout.toString().trim(), exit: child.exitCode, took_ms: performance.now() - started };
}
