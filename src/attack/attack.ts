/** The noun "attack": one abuse, carried out for real on a scratch home, that must meet a named wall. */
import type { Ground } from "./ground.ts";
import type { Wall } from "./wall.ts";

/** What came of an attack. It is judged by its effect: the file that changed, the secret that was read, the entry believed. */
export interface Verdict {
  readonly held: boolean;
  /** What was seen, in a few words. */
  readonly seen: string;
}

/** `perform` throws when the attack could not be carried out at all, which proves nothing and counts as not held. */
export interface Attack {
  readonly id: string;
  readonly area: string;
  readonly title: string;
  readonly expects: Wall;
  readonly perform: (ground: Ground) => Promise<Verdict>;
}

export interface Area {
  readonly name: string;
  readonly attacks: readonly Attack[];
}

/** An attack without its area. */
type Member = Omit<Attack, "area">;

/** Puts the area's name before each id. */
export function area(name: string, members: readonly Member[]): Area {
  return { name, attacks: members.map((each) => ({ ...each, id: `${name}.${each.id}`, area: name })) };
}

/** The verdict of an attack whose effect did or did not come about. */
export function unless(succeeded: boolean, effect: string): Verdict {
  return succeeded ? { held: false, seen: effect } : { held: true, seen: "it had no effect" };
}
