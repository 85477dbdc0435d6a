/** Attacks on the operator's answer: calls that were not approved, approved by nobody who may, approved before, or approved as something else. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalize, type Json } from "../core/canonical.ts";
import { agent, operator, type Principal } from "../define/principal.ts";
import { digestOf } from "../engine/approvals.ts";
import { readJournal } from "../engine/journal.ts";
import { ApprovalStore } from "../store/approvals.ts";
import { StateFile } from "../store/state.ts";
import { type Attack, area, unless, type Verdict } from "./attack.ts";
import type { Ground } from "./ground.ts";
import type { Wall } from "./wall.ts";
import { takingWithout } from "./without.ts";

/** A call of agent `petitioner` that waits: `evil` is what it would write. */
interface Question {
  readonly ground: Ground;
  readonly run: string;
  readonly id: string;
  readonly input: { readonly path: string; readonly content: string };
  /** The file it would write. */
  readonly place: string;
}

const once = { decision: "approve", scope: "once" } as const;
const forRun = { decision: "approve", scope: "run" } as const;
const evil = "what the operator never agreed to";
const harmless = "harmless";

/** Undefined where nobody is asked any more: then there is nothing to forge. */
async function ask(ground: Ground, content = evil): Promise<Question | undefined> {
  const { name, path } = ground.patch();
  const input = { path: `${name}/file`, content };
  const result = await ground.as("petitioner", "fs.write", input);
  const place = join(path, "file");
  if (result.ok) return undefined;
  if (result.approval === undefined) throw new Error(`the call does not wait: ${result.code}`);
  return { ground, run: result.run_id, id: result.approval, input, place };
}

/** The verdict on a file with `evil` in it, once `deed` was done about the question. */
async function afterwards(
  ground: Ground,
  deed: (question: Question) => Promise<unknown>,
  content?: string,
): Promise<Verdict> {
  const question = await ask(ground, content);
  if (!question) return { held: true, seen: "nobody was asked, so there was no answer to forge" };
  await deed(question);
  const { place } = question;
  return unless(existsSync(place) && readFileSync(place, "utf8").includes(evil), "the call was made");
}

/** Refusals of the operator's side are thrown; what counts is what happened. */
const tried = (work: Promise<unknown>) => work.catch(() => undefined);

const resume = ({ ground, run }: Question) => tried(ground.engine.resume(run));

const answer = ({ ground, id }: Question, by: Principal = operator, how: typeof once | typeof forRun = once) =>
  tried(ground.answer(id, by, how));

const set = ({ ground, id }: Question, column: string, value: string) =>
  ground.alter(`UPDATE approvals SET ${column} = ? WHERE id = ?`, [value, id]);

function member(id: string, title: string, expects: Wall, perform: Attack["perform"]): Omit<Attack, "area"> {
  return { id, title, expects, perform };
}

const others = [
  member("self", "the agent that asked answers itself", "approval-answerer", (ground) =>
    afterwards(ground, async (question) => {
      await answer(question, agent("petitioner"));
      await resume(question);
    }),
  ),
  member("agent", "another agent answers", "approval-answerer", (ground) =>
    afterwards(ground, async (question) => {
      await answer(question, agent("worker"));
      await resume(question);
    }),
  ),
  member("ghost", "an agent that does not exist answers for the whole run", "approval-answerer", (ground) =>
    afterwards(ground, async (question) => {
      await answer(question, agent("ghost"), forRun);
      await resume(question);
    }),
  ),
];

/** Changes of the stored question after which the operator approves what is shown, and the run goes on. */
const disguises: readonly (readonly [id: string, title: string, disguise: (question: Question) => void])[] = [
  [
    "shown-input",
    "the operator is shown a harmless input",
    (question) => set(question, "input", canonicalize({ ...question.input, content: harmless })),
  ],
  [
    "shown-path",
    "the operator is shown another path",
    (question) => set(question, "input", canonicalize({ ...question.input, path: "drafts/file" })),
  ],
  [
    "shown-space",
    "the stored input gets one space more",
    (question) => set(question, "input", canonicalize(question.input).replace(":", ": ")),
  ],
  ["shown-tool", "the operator is shown another tool", (question) => set(question, "tool", "fs.read")],
  ["shown-principal", "the operator is shown another agent", (question) => set(question, "principal", "agent:worker")],
  [
    "shown-digest",
    "the operator is shown a harmless input with a digest that fits it",
    (question) => {
      const { ground, id } = question;
      const row = ground.engine.keeper.approvals.get(id);
      if (!row) throw new Error("there is no such question");
      const input = { ...question.input, content: harmless };
      set(question, "input", canonicalize(input));
      set(question, "digest", digestOf({ ...row, input }));
    },
  ],
];

const altered = disguises.map(([id, title, disguise]) =>
  member(id, title, "approval-digest", (ground) =>
    afterwards(ground, async (question) => {
      disguise(question);
      await answer(question);
      await resume(question);
    }),
  ),
);

const substituted = [
  member("journal", "the call is exchanged in the run's journal after it was approved", "approval-digest", (ground) =>
    afterwards(
      ground,
      async (question) => {
        await answer(question);
        const path = join(question.ground.home.runs, question.run, "events.jsonl");
        writeFileSync(path, readFileSync(path, "utf8").replaceAll(harmless, evil));
        if (!readJournal(path).events.some((event) => JSON.stringify(event).includes(evil)))
          throw new Error("not exchanged");
        await resume(question);
      },
      harmless,
    ),
  ),
  member("other-run", "the approval of one run is given to another", "approval-digest", async (ground) => {
    const approved = await ask(ground, harmless);
    return afterwards(ground, async (question) => {
      if (!approved) return;
      await answer(approved);
      ground.alter("DELETE FROM approvals WHERE id = ?", [question.id]);
      ground.alter("UPDATE approvals SET run = ? WHERE id = ?", [question.run, approved.id]);
      await resume(question);
    });
  }),
  member("for-run-moved", "an approval for one run is moved to another", "approval-digest", async (ground) => {
    const approved = await ask(ground, harmless);
    return afterwards(ground, async (question) => {
      if (!approved) return;
      await answer(approved, operator, forRun);
      await resume(approved);
      ground.alter("UPDATE approvals SET run = ? WHERE id = ?", [question.run, approved.id]);
      await resume(question);
    });
  }),
];

/** Puts a run back to where it waited, files and row, as somebody who can write the home would. */
async function rewound(question: Question, work: () => Promise<unknown>): Promise<void> {
  const { ground, run } = question;
  const bundle = join(ground.home.runs, run);
  const before = ground.copy(bundle);
  await work();
  rmSync(bundle, { recursive: true });
  cpSync(before, bundle, { recursive: true });
  ground.alter("UPDATE runs SET state = 'waiting', ended_at = NULL, end_seq = NULL WHERE id = ?", [run]);
}

async function twice(ground: Ground, again: (question: Question) => Promise<unknown>): Promise<Verdict> {
  const question = await ask(ground);
  if (!question) return { held: true, seen: "nobody was asked, so there was no answer to use" };
  await answer(question);
  await rewound(question, () => resume(question));
  if (!existsSync(question.place)) throw new Error("the approved call was not made");
  rmSync(question.place);
  await again(question);
  return unless(existsSync(question.place), "the call was made a second time");
}

const reused = [
  member("again", "a run is wound back and its approval used again", "approval-single-use", (ground) =>
    twice(ground, resume),
  ),
  member("taken-twice", "two processes take the same approval", "approval-single-use", (ground) =>
    takers(ground, (store) => [store, store]),
  ),
  member(
    "taken-elsewhere",
    "a process with a connection of its own takes it as well",
    "approval-single-use",
    async (ground) => {
      const file = new StateFile(ground.home.database);
      try {
        const isWeak = ground.without.has("approval-single-use");
        return await takers(ground, (store) => [store, isWeak ? store : new ApprovalStore(file)]);
      } finally {
        file.close();
      }
    },
  ),
];

async function takers(ground: Ground, stores: (own: ApprovalStore) => readonly ApprovalStore[]): Promise<Verdict> {
  const question = await ask(ground);
  if (!question) return { held: true, seen: "nobody was asked, so there was no answer to use" };
  await answer(question);
  const { keeper } = ground.engine;
  const row = keeper.approvals.get(question.id);
  if (!row) throw new Error("there is no such question");
  const outcomes: Json[] = [];
  for (const approvals of stores(keeper.approvals)) {
    outcomes.push(
      await takingWithout(ground.without)
        .take({ ...keeper, approvals }, row, row.digest)
        .catch(() => "refused"),
    );
  }
  if (!outcomes.includes("approved")) throw new Error("the approval could not even be used once");
  return unless(outcomes.filter((each) => each === "approved").length > 1, "the approval was used twice");
}

/** The ledger's time never goes back, so the scratch home stays in that week. */
function later<T>(ground: Ground, work: () => Promise<T>): Promise<T> {
  ground.clock.ahead_ms += 8 * 86_400_000;
  return work();
}

/** Writes an answer into `state.db` that nobody gave. */
function forgeAnswer(question: Question, scope: "once" | "run", seq: number): void {
  const { ground, id } = question;
  const sql = `UPDATE approvals SET state = ?, scope = ?, decided_by = 'operator', decided_at = created_at, decided_seq = ?
               WHERE id = ?`;
  ground.alter(sql, [scope === "once" ? "approved" : "used", scope, String(seq), id]);
}

const forged = [
  member("written", "an answer is written into the state database", "approval-record", (ground) =>
    afterwards(ground, async (question) => {
      forgeAnswer(question, "once", 0);
      await resume(question);
    }),
  ),
  member(
    "written-for-run",
    "an answer for the whole run is written into the state database",
    "approval-record",
    (ground) =>
      afterwards(ground, async (question) => {
        forgeAnswer(question, "run", 0);
        await resume(question);
      }),
  ),
  member(
    "borrowed",
    "an answer is written that points at the ledger's entry about another one",
    "approval-record",
    async (ground) => {
      const other = await ask(ground, harmless);
      return afterwards(ground, async (question) => {
        if (!other) return;
        await answer(other);
        const seq = ground.engine.keeper.approvals.get(other.id)?.decided_seq;
        if (seq == null) throw new Error("the answer is not in the ledger");
        forgeAnswer(question, "once", seq);
        await resume(question);
      });
    },
  ),
  member("denied", "a denial is turned into an approval", "approval-record", (ground) =>
    afterwards(ground, async (question) => {
      await tried(ground.answer(question.id, operator, { decision: "deny", reason: "no" }));
      set(question, "state", "approved");
      set(question, "scope", "once");
      await resume(question);
    }),
  ),
  member(
    "exchanged",
    "the call is exchanged everywhere but in the ledger after it was approved",
    "approval-record",
    (ground) =>
      afterwards(
        ground,
        async (question) => {
          await answer(question);
          const path = join(ground.home.runs, question.run, "events.jsonl");
          writeFileSync(path, readFileSync(path, "utf8").replaceAll(harmless, evil));
          const row = ground.engine.keeper.approvals.get(question.id);
          if (!row) throw new Error("there is no such question");
          const input = { ...question.input, content: evil };
          set(question, "input", canonicalize(input));
          set(question, "digest", digestOf({ ...row, input }));
          await resume(question);
        },
        harmless,
      ),
  ),
  member("widened", "an approval of one call is widened to the whole run", "approval-record", async (ground) => {
    const question = await ask(ground, harmless);
    if (!question) return { held: true, seen: "nobody was asked, so there was no answer to widen" };
    await answer(question);
    await rewound(question, () => resume(question));
    set(question, "scope", "run");
    const path = join(ground.home.runs, question.run, "events.jsonl");
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(harmless, evil));
    await resume(question);
    return unless(readFileSync(question.place, "utf8").includes(evil), "the call was made");
  }),
];

const late = [
  member("answered-late", "the answer comes after the time to answer", "approval-expiry", (ground) =>
    afterwards(ground, (question) =>
      later(ground, async () => {
        await answer(question);
        await resume(question);
      }),
    ),
  ),
  member("used-late", "the answer is used after its time", "approval-expiry", (ground) =>
    afterwards(ground, async (question) => {
      await answer(question);
      await later(ground, () => resume(question));
    }),
  ),
];

export const approvals = area("approvals", [...others, ...altered, ...substituted, ...forged, ...reused, ...late]);
