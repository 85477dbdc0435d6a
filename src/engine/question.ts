/** A question as the person who answers it reads it. Whatever others wrote stands in it behind a name of ours, all of it to be seen. */
import type { Json } from "../core/canonical.ts";
import { showInvisible } from "../core/invisible.ts";
import { leavingLines } from "./leaving.ts";
import type { ApprovalAsk } from "./scope.ts";

export type Question = Pick<ApprovalAsk, "input" | "resources" | "reason"> & Partial<Pick<ApprovalAsk, "leaving">>;

const maxResources = 12;

/** A value as lines in which everything can be seen; nothing in it begins a line of its own. */
export function visibleJson(value: Json): readonly string[] {
  return showInvisible(JSON.stringify(value, null, 2)).text.split("\n");
}

/** A sentence of ours that names what others chose, on one line. */
export function visibleReason(reason: string): string {
  return showInvisible(JSON.stringify(reason).slice(1, -1).replaceAll('\\"', '"')).text;
}

/** What the call reaches, first of all: no length or number of other fields can put it out of sight. */
export function resourceLines(resources: Question["resources"]): readonly string[] {
  const more = resources.length - maxResources;
  return [
    ...resources
      .slice(0, maxResources)
      .map(({ capability, value }) => `resource ${capability} ${showInvisible(JSON.stringify(value)).text}`),
    ...(more > 0 ? [`and ${more} more resources`] : []),
  ];
}

/** What is asked at a terminal, without the reason. */
export function questionLines({ resources, leaving, input }: Question): readonly string[] {
  return [...resourceLines(resources), ...(leaving ? leavingLines(leaving) : visibleJson(input))];
}
