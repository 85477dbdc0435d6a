/** The walls that attacks of this area are about, by the stage they take place on. */
import type { Wall } from "../wall.ts";

export const tainted: readonly Wall[] = ["taint"];

/** On their stage taint always stands, so that somebody is asked. */
export const around: readonly Wall[] = ["question", "control-ring", "egress-policy", "approval-answerer"];
