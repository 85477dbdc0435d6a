/**
 * The real binary is killed by the kernel at the changes of the disk that a run of an agent makes, one after the other, and taken up
 * again with `reeve run --resume`: nothing is lost, nothing is asked of the model twice, and what may have happened is
 * not repeated without a word of a person. The same while it is being taken up.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJsonObject, type Json, parseJson } from "../core/canonical.ts";
import { replayBundle } from "./replay.ts";
import { type CutOff, cutOff, type Found } from "./testdata/cut-off.ts";
import { kindsOfSteps, reeve, reeveKilledAt, requireBinaryAndStrace, type Step, stepsOf } from "./testdata/killing.ts";

/** Kills at every step instead of at every kind of step, and answers every doubt in every way. Takes many minutes. */
const everyStep = process.env["REEVE_EVERY_STEP"] === "1";

/** What becomes of a call that may have happened: the answer to the question, or what is said in advance. */
const words = ["approve", "deny", "skip", "repeat"] as const;
type Word = (typeof words)[number];

const unbegun = { code: "failed_precondition", hint: "start it again" };

let directory: string;
/** Homes beside each other, so that one waits for the disk while another one computes. */
let lanes: readonly CutOff[] = [];
let steps: readonly Step[] = [];
beforeAll(async () => {
  requireBinaryAndStrace();
  directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "reeve-loop-crash-"));
  lanes = await Promise.all(["a", "b"].map((name) => cutOff(join(directory, name))));
  for (const lane of lanes) lane.keep("pristine");
  const [lane] = lanes;
  if (lane) steps = await stepsOf(lane.begin, join(directory, "trace"));
}, 60_000);
afterAll(async () => {
  for (const lane of lanes) await lane.stop();
  rmSync(directory, { recursive: true, force: true });
});

test("a run killed at any change of the disk goes on from its journal, and repeats nothing that may have happened unasked", async () => {
  const states: string[] = [];
  const answered: string[] = [];
  let survived = 0;
  await inLanes(chosen(steps), async (lane, step, i) => {
    const at = Object.values(step);
    lane.restore("pristine");
    const { exit } = await reeveKilledAt(step, lane.begin);
    if (exit !== undefined) survived++;
    const found = await lane.find(at);
    states.push(found.state);
    if (exit !== undefined) expect([at, exit, found.state]).toEqual([at, 0, "completed"]);
    if (found.run === undefined || found.state === "completed") return;
    if (!found.events.some(({ type }) => type === "start")) {
      const refused = await said(["run", ...atHome(lane), "--resume", found.run]);
      expect([at, refused]).toEqual([at, { exit: 6, json: { error: expect.objectContaining(unbegun) } }]);
      return;
    }
    const [doubtful] = effects(found);
    const happened = doubtful === "call-4" ? found.made : found.lines === 1;
    const each = everyStep || (doubtful && happened) ? words : [words[i % words.length] ?? "approve"];
    lane.keep("found");
    for (const word of each) {
      if (word !== each[0]) lane.restore("found");
      const asked = await finish(lane, found, word, [...at, word]);
      expect([at, word, asked]).toEqual([at, word, doubtful !== undefined && (word === "approve" || word === "deny")]);
      if (doubtful) answered.push(`${doubtful} ${happened ? "happened" : "did not"} ${word}`);
    }
  });
  expect(sorted(states)).toEqual(["completed", "interrupted", "not begun"]);
  const all = ["call-4", "call-5"].flatMap((call) => words.map((word) => `${call} happened ${word}`));
  expect(answered).toEqual(expect.arrayContaining(all));
  expect(answered).toEqual(expect.arrayContaining(["call-4 did not approve", "call-5 did not approve"]));
  // The wakings of other threads are writes too, and as many as it happens.
  expect(survived).toBeLessThan(6);
}, 1_800_000);

/** A home in which the text was appended and nobody was told. */
async function doubtIn(lane: CutOff): Promise<Found> {
  const step = steps.findLast(({ syscall, file }) => syscall === "fsync" && file === "workspace");
  if (!step) throw new Error("no step follows the append");
  lane.restore("pristine");
  await reeveKilledAt(step, lane.begin);
  lane.keep("killed");
  const found = await lane.find("doubt");
  expect([found.in_doubt, found.lines]).toEqual([["call-5"], 1]);
  return found;
}

test.each([
  ["repeat", ["skip", "deny", "repeat", "approve"], 2],
  ["skip", ["repeat", "approve"], 1],
  ["approve", ["approve"], 2],
] as const)(
  "a run killed at any change of the disk while it is taken up again to %s a call goes on all the same",
  async (manner, then, lines) => {
    const takeUps: (readonly string[])[] = [];
    for (const lane of lanes) {
      const { run = "" } = await doubtIn(lane);
      const resume = ["run", ...atHome(lane), "--resume", run, "--in-doubt"];
      if (manner !== "approve") takeUps.push([...resume, manner]);
      else takeUps.push(["approvals", "approve", approvalIn((await said([...resume, "ask"])).json), ...atHome(lane)]);
      lane.keep("doubt");
    }
    const traced = (await stepsOf(takeUps[0] ?? [], join(directory, "trace"))).filter(differs);
    const endings: string[] = [];
    await inLanes(chosen(traced), async (lane, step, i) => {
      const word = then[i % then.length] ?? "approve";
      const at = [manner, ...Object.values(step), word];
      lane.restore("doubt");
      await reeveKilledAt(step, takeUps[lanes.indexOf(lane)] ?? []);
      const found = await lane.find(at);
      endings.push(`${found.state} ${found.in_doubt[0] ?? "sure"}`);
      if (found.state === "completed") expect([at, found.lines]).toEqual([at, lines]);
      else await finish(lane, found, word, at);
      const after = await lane.find(at);
      if (manner === "approve") expect([at, after.used >= after.lines - 1]).toEqual([at, true]);
      if (manner === "skip" && found.in_doubt.length === 0) expect([at, after.lines]).toEqual([at, 1]);
    });
    const second = manner === "skip" ? "interrupted sure" : "interrupted call-5-again";
    expect(endings).toEqual(expect.arrayContaining(["interrupted call-5", second, "completed sure"]));
  },
  1_800_000,
);

test("of two processes that take up the same run at once one does", async () => {
  for (const lane of lanes) {
    await doubtIn(lane);
    lane.keep("doubt");
    // Whether the run was found cut off before, or is by both of them.
    for (const before of ["doubt", "killed"]) {
      lane.restore(before);
      const resume = ["run", ...atHome(lane), "--resume", "last", "--in-doubt", "repeat"];
      const from = lane.model.requests.length;
      const both = await Promise.all([said(resume), said(resume)]);
      const exits = both.map(({ exit }) => exit ?? -1).sort((one, other) => one - other);
      // The other one finds it under way, or nothing that could be taken up.
      expect([exits[0], [4, 6].includes(exits[1] ?? 0), both]).toEqual([0, true, both]);
      const after = await lane.find("both");
      expect([after.state, after.lines, lane.model.requests.length - from]).toEqual(["completed", 2, 1]);
    }
  }
}, 60_000);

/** Once its end is in the journal, a run that was taken up is closed as any other one. */
function differs({ after, syscall }: Step): boolean {
  return everyStep || after !== "end" || syscall === "rename";
}

function chosen(all: readonly Step[]): readonly Step[] {
  return everyStep ? all : kindsOfSteps(all);
}

/** Does `work` for each of the steps, in the lane that is free. */
async function inLanes(list: readonly Step[], work: (lane: CutOff, step: Step, i: number) => Promise<void>) {
  const queue = list.entries();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const [i, step] of queue) await work(lane, step, i);
    }),
  );
}

/** Takes the run up until it is over, and looks at what came of it. True when a person was asked. */
async function finish(lane: CutOff, found: Found, word: Word, at: Json): Promise<boolean> {
  const from = lane.model.requests.length;
  const asked = await goOn(lane, found.run ?? "", word, at);
  const after = await lane.find(at);
  const [doubtful] = effects(found);
  const isRepeated = word === "approve" || word === "repeat";
  const wasBegun = (call: string) => found.events.some((event) => event.type === "intent" && event.call === call);
  const made = doubtful === "call-4" ? found.made || isRepeated : true;
  const lines = wasBegun("call-5") ? found.lines + (doubtful && isRepeated ? 1 : 0) : 1;
  expect([at, after.state, after.lines, after.made]).toEqual([at, "completed", lines, made]);
  const requests = lane.model.requests.slice(from).map(({ body }) => messagesIn(body));
  const turns = Array.from({ length: 4 - found.turns }, (_, i) => found.turns + i);
  expect([at, requests.map(spokenIn)]).toEqual([at, turns]);
  // The agent is told that the call may have happened.
  if (doubtful && !isRepeated)
    expect([at, JSON.stringify(requests[0])]).toEqual([at, expect.stringContaining("interrupted")]);
  expect([at, (await replayBundle(join(lane.home.runs, found.run ?? ""))).differences]).toEqual([at, []]);
  return asked;
}

async function goOn(lane: CutOff, run: string, word: Word, at: Json): Promise<boolean> {
  const in_doubt = word === "skip" || word === "repeat" ? word : "ask";
  const resume = () => said(["run", ...atHome(lane), "--resume", run, "--in-doubt", in_doubt]);
  const first = await resume();
  if (first.exit !== 11) {
    expect([at, first]).toEqual([at, { exit: 0, json: expect.objectContaining({ state: "completed" }) }]);
    return false;
  }
  const approval = approvalIn(first.json);
  if (word === "deny") await said(["approvals", "deny", approval, ...atHome(lane), "--reason", "it happened"]);
  const { exit, json } =
    word === "deny" ? await resume() : await said(["approvals", "approve", approval, ...atHome(lane)]);
  expect([at, exit, json]).toEqual([at, 0, expect.anything()]);
  return true;
}

/** Calls in doubt that nobody may repeat by themselves. */
function effects({ in_doubt }: Found): readonly string[] {
  return in_doubt.filter((call) => /^call-[45]/.test(call));
}

async function said(args: readonly string[]): Promise<{ readonly exit: number | undefined; readonly json: Json }> {
  const { exit, stdout, stderr } = await reeve(args);
  if (stdout === "") throw new Error(`reeve ${args.join(" ")} ended with ${exit}: ${stderr}`);
  return { exit, json: parseJson(stdout) };
}

function atHome({ home }: CutOff): readonly string[] {
  return ["--home", home.root, "--json"];
}

function approvalIn(json: Json): string {
  const approval = isJsonObject(json) ? json["approval"] : undefined;
  if (typeof approval === "string") return approval;
  throw new Error(`nobody is asked: ${JSON.stringify(json)}`);
}

function messagesIn(body: Json): readonly Json[] {
  const messages = isJsonObject(body) ? body["messages"] : undefined;
  return Array.isArray(messages) ? messages : [];
}

function spokenIn(messages: readonly Json[]): number {
  return messages.filter((each) => isJsonObject(each) && each["role"] === "assistant").length;
}

function sorted(list: readonly string[]): readonly string[] {
  return [...new Set(list)].sort();
}
