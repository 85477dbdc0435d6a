/** Every area of attacks, in the order they are carried out. What is not listed here is not tried. */
import type { Area } from "./attack.ts";
import { approvals } from "./approvals.ts";
import { control } from "./control.ts";
import { escape } from "./escape.ts";
import { ledger } from "./ledger.ts";
import { path } from "./path.ts";
import { policy } from "./policy.ts";
import { secrets } from "./secrets.ts";
import { state } from "./state.ts";

export const areas: readonly Area[] = [path, state, policy, control, approvals, ledger, secrets, escape];
