/**
 * A home whose agent reads, reads twice beside itself, writes and appends by the real binary and a scripted model, and what must hold
 * of it whenever its process is killed. An append tells of itself how often it was carried out.
 */
import { expect } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setConfig } from "../../config/set.ts";
import { isJsonObject, type Json } from "../../core/canonical.ts";
import { type Home, homeAt } from "../../core/home.ts";
import { pinOf } from "../../core/pin.ts";
import { verifyLedger } from "../../ledger/verify.ts";
import { fileWitness } from "../../ledger/witness.ts";
import type { Script } from "../../providers/testdata/model/script.ts";
import { type Model, startModel } from "../../providers/testdata/model/server.ts";
import { compareWithManifest } from "../bundle.ts";
import { checkSeal } from "../history.ts";
import { initHome } from "../init.ts";
import { readJournal, type RunEvent } from "../journal.ts";
import { openEngine } from "../open.ts";
import { manifestFiles } from "../replay.ts";

const call = (tool: string, input: Json) => ({ tool, arguments: input });

/** Calls 1 to 3 are reads, 4 writes, 5 appends. */
const script: Script = {
  turns: [
    { text: "One.", calls: [call("fs_read", { path: "one.txt" })] },
    { text: "Two.", calls: [call("fs_read", { path: "two.txt" }), call("fs_read", { path: "three.txt" })] },
    {
      text: "Now.",
      calls: [
        call("fs_write", { path: "made.txt", content: "made\n" }),
        call("fs_append", { path: "log.txt", content: "once\n" }),
      ],
    },
    { text: "Done." },
  ],
};

/** The home as it is found after a process died in it. */
export interface Found {
  /** Undefined when the run had not begun. */
  readonly run: string | undefined;
  readonly state: string;
  readonly events: readonly RunEvent[];
  /** Calls that may have happened, under the id of their last try, while nobody said what becomes of them. */
  readonly in_doubt: readonly string[];
  /** Turns of the model that are in the journal. */
  readonly turns: number;
  readonly made: boolean;
  readonly lines: number;
  /** How often an approval was used. */
  readonly used: number;
}

export interface CutOff {
  readonly home: Home;
  readonly model: Model;
  /** Arguments of the command that begins the run. */
  readonly begin: readonly string[];
  /** Keeps the home under a name, and brings it back as it was then. */
  keep(name: string): void;
  restore(name: string): void;
  /** Opens the home as the next start does; whatever is not as it must be fails the test, with `at` in its words. */
  find(at: Json): Promise<Found>;
  stop(): Promise<void>;
}

export async function cutOff(directory: string): Promise<CutOff> {
  const live = join(directory, "live");
  mkdirSync(live, { recursive: true });
  const home = homeAt(join(live, "home"));
  const witness = join(live, "witness", "note");
  await initHome({ home, witness, agent: "default", profile: "editor", force: false });
  const model = await startModel(script);
  const settings = {
    "model.provider": "generic",
    "model.name": "scripted-1",
    "providers.generic.base_url": model.url,
    "model.max_attempts": 1,
  };
  setConfig(home.config, settings, { dry_run: false });
  const workspace = join(home.root, "workspace");
  for (const name of ["one", "two", "three"]) writeFileSync(join(workspace, `${name}.txt`), name);
  writeFileSync(join(workspace, "log.txt"), "");
  const open = () => openEngine({ home, tools: [], providers: [], version: "test" });
  await (await open()).close();
  const copy = (from: string, to: string): void => {
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true, preserveTimestamps: true });
  };
  const pins = pinOf(home, witness);

  async function find(at: Json): Promise<Found> {
    const made = existsSync(join(workspace, "made.txt"));
    if (made) expect([at, readFileSync(join(workspace, "made.txt"), "utf8")]).toEqual([at, "made\n"]);
    const log = readFileSync(join(workspace, "log.txt"), "utf8");
    expect([at, log.replaceAll("once\n", "")]).toEqual([at, ""]);
    const lines = log.split("\n").length - 1;
    const engine = await open();
    const { ledger, runs, sessions } = engine.keeper;
    const { rows } = await runs.list({ limit: 10, offset: 0 });
    const seals = await Promise.all(rows.map((row) => (row.state === "waiting" ? [] : checkSeal(engine.keeper, row))));
    const entries: Awaited<ReturnType<typeof ledger.entry>>[] = [];
    for (let seq = 0; seq < ledger.size(); seq++) entries.push(await ledger.entry(seq));
    const spoken = await Promise.all(
      rows.map(({ session }) => (session === null ? [] : sessions.read(session, { limit: 50, offset: 0 }))),
    );
    await engine.close();
    const key = readFileSync(pins.keys, "utf8").split("\n").filter(Boolean);
    const report = await verifyLedger({ path: home.ledger, key, witnesses: [fileWitness(pins.witness)] });
    expect([at, report.status, report.problem]).toEqual([at, "ok", null]);
    expect([at, rows.length <= 1, seals.flat()]).toEqual([at, true, []]);
    const [row] = rows;
    const nothing = { run: undefined, state: "not begun", events: [], in_doubt: [], turns: 0, made, lines, used: 0 };
    if (!row) {
      expect([at, made, lines]).toEqual([at, false, 0]);
      return nothing;
    }
    // What was said is kept once, when it is over.
    const kept = spoken.flat().filter(({ role }) => role !== "tool");
    const said = row.state === "completed" ? ["do it", "Done."] : [];
    expect([at, kept.map(({ content }) => content)]).toEqual([at, said]);
    const bundle = join(home.runs, row.id);
    const { events, torn_bytes } = readJournal(join(bundle, "events.jsonl"));
    expect([at, torn_bytes]).toEqual([at, 0]);
    if (row.state !== "waiting") {
      expect([at, compareWithManifest(bundle, manifestFiles(bundle))]).toEqual([at, []]);
    }
    const told = entries.filter((entry) => entry.run === row.id);
    const callsOf = (type: string): readonly string[] =>
      told.flatMap((entry) =>
        entry.type === type && isJsonObject(entry.payload) ? [String(entry.payload["call"])] : [],
      );
    const [intents, outcomes] = [callsOf("call.intent"), callsOf("call.outcome")];
    // Nobody wrote a thing twice, and nothing before it was announced.
    for (const list of [intents, outcomes]) expect([at, list]).toEqual([at, [...new Set(list)]]);
    const known = events.flatMap((event) => (event.type === "intent" ? [event.call] : []));
    expect([at, known]).toEqual([at, [...new Set(known)]]);
    expect([at, intents.filter((each) => !known.includes(each))]).toEqual([at, []]);
    const announced = (call: string): number => intents.filter((each) => each.startsWith(call)).length;
    expect([at, made && announced("call-4") === 0, lines > announced("call-5")]).toEqual([at, false, false]);
    const story = told.flatMap(({ type }) => (type === "run.end" ? [] : [type]));
    expect([at, story.lastIndexOf("run.start") <= 0]).toEqual([at, true]);
    const used = told.filter(({ type }) => type === "approval.used").length;
    const settled = new Set(events.flatMap(settles));
    const in_doubt = known.filter((each) => !settled.has(each) && !known.includes(`${each}-again`));
    const turns = events.filter(({ type }) => type === "turn").length;
    return { run: row.id, state: row.state, events, in_doubt, turns, made, lines, used };
  }

  return {
    home,
    model,
    begin: ["run", "--home", home.root, "--as", "agent:default", "--json", "--session", "new", "--message", "do it"],
    keep: (name) => copy(live, join(directory, name)),
    restore: (name) => copy(join(directory, name), live),
    find,
    stop: () => model.stop(),
  };
}

/** The call of which an event says that there is nothing to ask about any more. */
function settles(event: RunEvent): readonly string[] {
  if (event.type === "outcome" || event.type === "skipped") return [event.call];
  if (event.type === "failure") return event.code === "interrupted" ? [] : [event.call];
  return event.type === "answered" && event.decision !== "approved" ? [event.call.replace(/-again$/, "")] : [];
}
