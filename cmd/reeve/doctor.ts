/** `reeve doctor`: looks at everything for real, and repairs only what cannot lose anything. */
import * as v from "valibot";
import { systemClock } from "../../src/core/clock.ts";
import { defineCommand, option, type Paint, toggle, unlisted } from "../../src/define/command.ts";
import { examine, type Finding, probes } from "../../src/doctor/examine.ts";
import { tools } from "../../src/tools/index.ts";
import { askPassphrase } from "./shell/engine.ts";
import { attackAll, type Besieged, isSound, requireAttack, siegeText } from "./shell/siege.ts";

interface Examined {
  readonly home: string;
  readonly findings: readonly Finding[];
  readonly ok: number;
  readonly warnings: number;
  readonly failures: number;
}

export const doctor = defineCommand({
  name: "doctor",
  summary: "Examine the home and this machine, and say what is wrong and what to do.",
  input: v.strictObject({
    fix: toggle("do what is safe: modes, drafts of cut-off writes, interrupted runs, a missing pin, an accepted clock"),
    online: toggle("also ask the models' addresses what they offer; nothing reaches the network without it"),
    attack: toggle("attack a scratch home instead, in every way this version knows, and say which walls held"),
    area: option(v.string(), "NAME", "with --attack: only the attacks of this area"),
    keep: toggle("with --attack: leave the scratch home behind and say where it is"),
    without: unlisted(v.array(v.string()), "WALL", "with --attack: a wall to leave out, so that its attacks succeed"),
    verbose: toggle("accepted from earlier scripts; everything is always shown"),
  }),
  details: `
    Probes: ${probes.map((probe) => probe.name).join(", ")}.

    Lost or altered data is never repaired: the doctor says so and stops there.

    The attacks of --attack are carried out for real, by the real engine, on a home made for them in a temporary
    directory, which is gone afterwards; your home is neither read nor changed. What they try and what they do not show
    is in docs/security/attack-suite.md.`,
  examples: ["reeve doctor", "reeve doctor --fix", "reeve doctor --attack --area policy"],
  statuses: [
    {
      status: 1,
      meaning:
        "with --attack: an attack succeeded or could not be carried out, or honest work was held up; internal: a defect in Reeve",
    },
    { status: 6, meaning: "failed_precondition: something is wrong that keeps Reeve from working or from being safe" },
  ],
  async run(ctx, { fix, online, attack, ...siege }): Promise<Examined | Besieged> {
    requireAttack(attack, { fix, online, ...siege });
    if (attack) return attackAll(ctx, siege);
    const { providers } = await import("../../src/providers/index.ts");
    let asked: Promise<string | undefined> | undefined;
    const passphrase = (): Promise<string | undefined> => (asked ??= askPassphrase(ctx, "Passphrase of the vault"));
    const { home, version } = ctx;
    const means = { clock: systemClock, passphrase, environment: process.env, online };
    const patient = { home, tools, providers, version, ...means };
    const findings = await examine(patient, { fix });
    const count = (status: string): number => findings.filter((finding) => finding.status === status).length;
    return { home: ctx.home.root, findings, ok: count("ok"), warnings: count("warn"), failures: count("fail") };
  },
  render: (result, paint) =>
    "attacks" in result
      ? siegeText(result, paint)
      : [
          ...result.findings.map((finding) => findingText(finding, paint)),
          `${result.ok} ok, ${result.warnings} warnings, ${result.failures} failures`,
        ].join("\n"),
  exit: (result) => ("attacks" in result ? (isSound(result) ? 0 : 1) : result.failures > 0 ? 6 : 0),
});

function findingText(finding: Finding, paint: Paint): string {
  const mark = { ok: paint.good("ok  "), warn: paint.caution("warn"), fail: paint.bad("FAIL") }[finding.status];
  const lines = [`${mark}  ${finding.name}: ${finding.message}`];
  if (finding.fixed) lines.push(`      fixed: ${finding.fixed}`);
  else if (finding.hint) lines.push(`      hint: ${finding.hint}`);
  return lines.join("\n");
}
