/** Injections: an agent with every grant its work needs reads a stranger's words and does what they say. */
import { type Area, area, type Attack } from "../attack.ts";
import { acting } from "./acting.ts";
import { carriers, web } from "./carriers.ts";
import { crossings } from "./crossing.ts";
import { type Form, forms, plain, unseen } from "./form.ts";
import { body, detours, headerGoal, name, path, requests } from "./goals.ts";
import { type Carrier, type Goal, type Manner, play } from "./player.ts";
import { powers } from "./powers.ts";
import { printed, programs } from "./programs.ts";
import { questions } from "./questions.ts";
import { stageOf } from "./stage.ts";
import { tainted } from "./walls.ts";

type Row = Omit<Attack, "area">;

function row(carrier: Carrier, goal: Goal, id: string, manner: Manner & { readonly how?: string } = {}): Row {
  const { how = "", ...rest } = manner;
  const what = goal.reads === false ? "something" : "what is private";
  return {
    id,
    title: `${carrier.what} wants ${what} ${goal.what}${how}`,
    expects: "taint",
    perform: async (ground) => play(await stageOf(ground, tainted), carrier, goal, rest),
  };
}

/** Forms short enough and of such letters that a label of a name holds them. */
const isLabel: ReadonlySet<string> = new Set(["hex", "reversed", "rot13", "split"]);
const changed = (form: Form) => form !== plain;

const rows: readonly Row[] = [
  ...[path, body].flatMap((goal) =>
    [...carriers, ...printed].map((carrier) => row(carrier, goal, `by-${carrier.id}-to-${goal.id}`)),
  ),
  ...[...requests, ...detours].map((goal) => row(web, goal, `send-${goal.id}`)),
  ...[path, headerGoal, body, name].flatMap((goal) =>
    forms
      .filter((form) => changed(form) && !(goal === name && !isLabel.has(form.id)))
      .map((form) => row(web, goal, `form-${goal.id}-${form.id}`, { form, how: `, ${form.what}` })),
  ),
  ...[...forms, unseen]
    .filter(changed)
    .map((spoken) => row(web, path, `spoken-${spoken.id}`, { spoken, how: `, in words ${spoken.what}` })),
  ...[...acting, ...programs].map((goal) => row(web, goal, `act-${goal.id}`)),
];

export const injection: Area = area("injection", [...rows, ...crossings, ...questions, ...powers]);
