/** `reeve doctor`: looks at everything for real, and repairs only what cannot lose anything. */
import * as v from "valibot";
import { systemClock } from "../../src/core/clock.ts";
import { defineCommand, type Paint, toggle } from "../../src/define/command.ts";
import { examine, type Finding, probes } from "../../src/doctor/examine.ts";
import { tools } from "../../src/tools/index.ts";
import { askPassphrase } from "./shell/engine.ts";

export const doctor = defineCommand({
  name: "doctor",
  summary: "Examine the home and this machine, and say what is wrong and what to do.",
  input: v.strictObject({
    fix: toggle("do what is safe: modes, drafts of cut-off writes, interrupted runs, a missing pin, an accepted clock"),
    online: toggle("also ask the models' addresses what they offer; nothing reaches the network without it"),
    verbose: toggle("accepted from earlier scripts; everything is always shown"),
  }),
  details: `
    Probes: ${probes.map((probe) => probe.name).join(", ")}.

    Lost or altered data is never repaired: the doctor says so and stops there.`,
  statuses: [
    { status: 6, meaning: "failed_precondition: something is wrong that keeps Reeve from working or from being safe" },
  ],
  async run(ctx, { fix, online }) {
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
  render: ({ findings, ok, warnings, failures }, paint) =>
    [
      ...findings.map((finding) => findingText(finding, paint)),
      `${ok} ok, ${warnings} warnings, ${failures} failures`,
    ].join("\n"),
  exit: ({ failures }) => (failures > 0 ? 6 : 0),
});

function findingText(finding: Finding, paint: Paint): string {
  const mark = { ok: paint.good("ok  "), warn: paint.caution("warn"), fail: paint.bad("FAIL") }[finding.status];
  const lines = [`${mark}  ${finding.name}: ${finding.message}`];
  if (finding.fixed) lines.push(`      fixed: ${finding.fixed}`);
  else if (finding.hint) lines.push(`      hint: ${finding.hint}`);
  return lines.join("\n");
}
