/** Attacks by programs: an agent that may run any, and what it tries behind the walls. */
import { area } from "./attack.ts";
import { escapes } from "./cell.ts";
import { calledFor } from "./escape-calls.ts";
import { files } from "./escape-files.ts";
import { limits } from "./escape-limits.ts";
import { network } from "./escape-network.ts";
import { processes } from "./escape-processes.ts";
import { shell } from "./escape-shell.ts";
import { surroundings } from "./escape-surroundings.ts";
import { tiers } from "./escape-tiers.ts";

export const escape = area(
  "escape",
  escapes([...files, ...surroundings, ...shell, ...calledFor, ...processes, ...network, ...limits, ...tiers]),
);
