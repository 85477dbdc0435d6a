/** Runs every probe, fixes what may be fixed when asked to, and looks again at what was fixed. */
import { existsSync } from "node:fs";
import { asFault } from "../core/fault.ts";
import { bundles } from "./bundles.ts";
import { clock } from "./clock.ts";
import { config } from "./config.ts";
import { disk } from "./disk.ts";
import { files } from "./files.ts";
import { keys } from "./keys.ts";
import { ledger } from "./ledger.ts";
import { leftovers } from "./leftovers.ts";
import { pin } from "./pin.ts";
import { policy } from "./policy.ts";
import type { Observation, Patient, Probe, Status } from "./probe.ts";
import { provider } from "./provider.ts";
import { runs } from "./runs.ts";
import { sandbox } from "./sandbox.ts";
import { workspace } from "./workspace.ts";

/** In the order a person should read them: what later ones stand on comes first, and is fixed first. */
export const probes: readonly Probe[] = [
  disk,
  files,
  leftovers,
  config,
  workspace,
  policy,
  keys,
  pin,
  ledger,
  clock,
  runs,
  bundles,
  provider,
  sandbox,
];

export interface Finding {
  readonly name: string;
  readonly status: Status;
  readonly message: string;
  readonly hint?: string;
  /** Whether `--fix` would do something about it. */
  readonly fixable: boolean;
  /** What `--fix` did. */
  readonly fixed?: string;
}

export async function examine(
  patient: Patient,
  options: { readonly fix: boolean; readonly probes?: readonly Probe[] },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const hasHome = existsSync(patient.home.state);
  if (!hasHome) {
    const hint = "run `reeve init`, or name a home with --home";
    findings.push({
      name: "home",
      status: "fail",
      message: `there is no Reeve home in ${patient.home.root}`,
      hint,
      fixable: false,
    });
  }
  for (const probe of options.probes ?? probes) {
    if (probe.needs_home && !hasHome) continue;
    findings.push(...(await examineOne(probe, patient, options.fix)));
  }
  return findings;
}

async function examineOne(probe: Probe, patient: Patient, fix: boolean): Promise<readonly Finding[]> {
  const seen = await observe(probe, patient);
  const open = seen.filter((each) => each.fix !== undefined);
  if (!fix || open.length === 0) return seen.map((each) => findingOf(probe, each));
  const done: Finding[] = [];
  for (const each of open) done.push(await applyFix(probe, each));
  const again = await observe(probe, patient);
  return [...done, ...again.map((each) => findingOf(probe, each))];
}

async function observe(probe: Probe, patient: Patient): Promise<readonly Observation[]> {
  try {
    return await probe.examine(patient);
  } catch (thrown) {
    const { message, hint } = asFault(thrown, probe.name);
    return [{ status: "fail", message, ...(hint === undefined ? {} : { hint }) }];
  }
}

/** What was wrong and is fixed is told as a warning, so that nobody learns of a change by accident. */
async function applyFix(probe: Probe, seen: Observation): Promise<Finding> {
  const base = { name: probe.name, message: seen.message, fixable: true };
  try {
    const fixed = (await seen.fix?.()) ?? "nothing was done";
    return { ...base, status: "warn", fixed };
  } catch (thrown) {
    const fault = asFault(thrown, "it could not be fixed");
    return { ...base, status: "fail", hint: [fault.message, fault.hint].filter(Boolean).join("; ") };
  }
}

function findingOf(probe: Probe, { status, message, hint, fix }: Observation): Finding {
  return { name: probe.name, status, message, ...(hint === undefined ? {} : { hint }), fixable: fix !== undefined };
}
