/** Every command of the command line, in the order the help lists them. */
import { agents } from "./agents.ts";
import { sessions } from "./sessions.ts";
import { skills } from "./skills.ts";
import { usage } from "./usage.ts";
import { approvals } from "./approvals.ts";
import { ask } from "./ask.ts";
import { completionOf } from "./completion.ts";
import { config } from "./config.ts";
import { doctor } from "./doctor.ts";
import { init } from "./init.ts";
import { policy } from "./policy.ts";
import { rearm } from "./rearm.ts";
import { run } from "./run.ts";
import { runs } from "./runs.ts";
import { secrets } from "./secrets.ts";
import { setup } from "./setup.ts";
import type { Entry } from "./shell/argv.ts";
import { stop } from "./stop.ts";
import { tools } from "./tools.ts";
import { undo } from "./undo.ts";
import { verifyLedger } from "./verify-ledger.ts";
import { version } from "./version.ts";

export const commands: readonly Entry[] = [
  init,
  setup,
  ask,
  run,
  runs,
  approvals,
  stop,
  rearm,
  sessions,
  usage,
  undo,
  verifyLedger,
  doctor,
  agents,
  skills,
  policy,
  secrets,
  tools,
  config,
  completionOf(() => commands),
  version,
];
