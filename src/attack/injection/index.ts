/** Injections: an agent with every grant its work needs reads a stranger's words and does what they say. */
import { type Area, area, type Attack } from "../attack.ts";
import { carriers, web } from "./carriers.ts";
import { type Form, forms, plain } from "./form.ts";
import { requests } from "./goals.ts";
import { type Carrier, type Goal, play } from "./player.ts";
import { stageOf } from "./stage.ts";

type Row = Omit<Attack, "area">;

const walls = ["taint"] as const;

function row(carrier: Carrier, goal: Goal, form: Form = plain): Row {
  return {
    id: [carrier.id, goal.id, ...(form === plain ? [] : [form.id])].join("-"),
    title: `${carrier.what} asks for what is private ${goal.what}${form === plain ? "" : `, ${form.what}`}`,
    expects: "taint",
    perform: async (ground) => play(await stageOf(ground, walls), carrier, goal, form),
  };
}

const rows: readonly Row[] = [
  ...carriers.flatMap((carrier) => requests.slice(0, 2).map((goal) => row(carrier, goal))),
  ...requests.slice(2).map((goal) => row(web, goal)),
  ...forms.filter((form) => form !== plain).map((form) => row(web, requests[0] as Goal, form)),
];

export const injection: Area = area("injection", rows);
