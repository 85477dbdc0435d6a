/** Every area of attacks, in the order they are carried out; secrets last, which looks back on all. What is not listed here is not tried. */
import type { Area } from "./attack.ts";
import { approvals } from "./approvals.ts";
import { control } from "./control.ts";
import { escape } from "./escape.ts";
import { injection } from "./injection/index.ts";
import { ledger } from "./ledger.ts";
import { path } from "./path.ts";
import { policy } from "./policy.ts";
import { proxy } from "./proxy.ts";
import { secrets } from "./secrets.ts";
import { ssrf } from "./ssrf.ts";
import { state } from "./state.ts";

export const areas: readonly Area[] = [
  path,
  state,
  policy,
  control,
  approvals,
  ledger,
  ssrf,
  proxy,
  injection,
  escape,
  secrets,
];
