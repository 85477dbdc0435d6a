/** `reeve verify-ledger`: the whole record checked from its bytes up, without the vault and without trusting the home. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import { loadConfig } from "../../src/config/load.ts";
import { asFault } from "../../src/core/fault.ts";
import { pinOf } from "../../src/core/pin.ts";
import { type CommandContext, defineCommand, option } from "../../src/define/command.ts";
import { exportTiles } from "../../src/ledger/export.ts";
import {
  type VerifyReport,
  type VerifyStatus,
  verifyLedger as verify,
  verifyStatuses,
} from "../../src/ledger/verify.ts";
import { fileWitness } from "../../src/ledger/witness.ts";

const meanings: Readonly<Record<Exclude<VerifyStatus, "ok">, string>> = {
  damaged: "data_loss: an entry, or what is derived from entries, is damaged",
  signature: "a checkpoint or a witness's note is not signed by the pinned keys",
  inconsistent: "a signed checkpoint is of another tree or a longer one",
  rolled_back: "a witness holds a checkpoint that the ledger does not contain",
  missing: "there is no ledger, and a witness knows that there should be one",
  unpinned: "nothing is wrong inside, but without a pinned key anyone may have written it",
};

export const verifyLedger = defineCommand({
  name: "verify-ledger",
  summary: "Verify every entry, the tree, every checkpoint and what the local witness holds.",
  input: v.strictObject({
    key: option(v.string(), "FILE", "the pinned public keys; those that init wrote outside the home when absent"),
    export: option(v.string(), "DIR", "also write the log as C2SP tlog-tiles into this new directory"),
  }),
  details: `
    It opens the file read-only and needs neither the vault nor its passphrase. The first bad entry is named. Keep a copy
    of the key file on another machine: whoever can change the home may be able to change the copy beside it too.`,
  examples: ["reeve verify-ledger", "reeve verify-ledger --key log.vkey --export tiles"],
  statuses: Object.entries(meanings).map(([status, meaning]) => ({
    status: verifyStatuses[status as VerifyStatus],
    meaning,
  })),
  async run(ctx, { key, export: directory }) {
    const pin = pinOf(ctx.home, witnessFile(ctx));
    const path = key === undefined ? pin.keys : resolve(ctx.cwd, key);
    const lines = key === undefined && !existsSync(path) ? undefined : keyLines(path);
    const report = await verify({ path: ctx.home.ledger, key: lines, witnesses: [fileWitness(pin.witness)] });
    const isSound = report.ok || report.status === "unpinned";
    const exported = directory === undefined || !isSound ? null : resolve(ctx.cwd, directory);
    if (exported !== null) await exportTiles(ctx.home.ledger, exported);
    return { ...report, pinned_key: lines === undefined ? null : path, exported };
  },
  render: (report, paint) =>
    [
      report.ok ? paint.good("OK") : paint.bad(report.status.toUpperCase().replace("_", " ")),
      `${report.entries} entries of ${report.origin ?? "an unknown log"}, root ${report.root}`,
      `${report.checkpoints} checkpoints, the newest over ${report.signed_entries} entries`,
      ...report.witnesses.map(
        ({ name, size }) => `witness ${name}: ${size === null ? "knows nothing of this log" : `${size} entries`}`,
      ),
      report.pinned_key === null ? "no pinned key" : `pinned key ${report.pinned_key}`,
      ...(report.exported === null ? [] : [`exported to ${report.exported}`]),
      ...problemLines(report),
    ].join("\n"),
  exit: (report) => report.exit,
});

function problemLines({ problem, status }: VerifyReport): readonly string[] {
  if (problem)
    return [`${problem.seq === null ? "" : `entry ${problem.seq}: `}${problem.message}`, `hint: ${problem.hint}`];
  return status === "unpinned" ? ["hint: name the key file that was pinned when the log was made with --key"] : [];
}

/** The configured witness, or the default one when there is no home any more or its configuration cannot be read. */
function witnessFile(ctx: CommandContext): string | null {
  if (!existsSync(ctx.home.state)) return null;
  try {
    return loadConfig(ctx.home.config).ledger.witness_file;
  } catch (thrown) {
    ctx.note(`the configuration cannot be read, so the default witness is used: ${asFault(thrown).message}`);
    return null;
  }
}

function keyLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch (thrown) {
    throw asFault(thrown, `the key file ${path}`);
  }
}
