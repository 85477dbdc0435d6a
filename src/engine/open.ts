/** Opens a home: config, vault, ledger and its witness, each refused when it cannot be trusted. */
import { existsSync, readFileSync } from "node:fs";
import { type Clock, systemClock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Home } from "../core/home.ts";
import { pinOf } from "../core/pin.ts";
import { loadConfig } from "../config/load.ts";
import type { Provider } from "../define/provider.ts";
import type { Tool } from "../define/tool.ts";
import { Ledger } from "../ledger/ledger.ts";
import { fileWitness } from "../ledger/witness.ts";
import { ApprovalStore } from "../store/approvals.ts";
import { QuarantineStore } from "../store/quarantine.ts";
import { RunStore } from "../store/runs.ts";
import { SessionStore } from "../store/sessions.ts";
import { StateFile } from "../store/state.ts";
import { UsageStore } from "../store/usage.ts";
import { openVault } from "../vault/vault.ts";
import { Engine, type EngineParts } from "./engine.ts";
import { logKeyFrom } from "./log-key.ts";
import { observeControlFiles } from "./observe.ts";
import { reconcileRuns, settlePrograms } from "./reconcile.ts";
import type { RunKeeper } from "./run.ts";
import { checkVault } from "./vault-chain.ts";

export interface EngineOptions {
  readonly home: Home;
  readonly tools: readonly Tool[];
  readonly providers: readonly Provider[];
  readonly version: string;
  /** Asked only when the vault's key is wrapped by a passphrase. */
  readonly passphrase?: () => Promise<string | undefined>;
  readonly clock?: Clock;
  /** Where keys of providers may be taken from besides the vault; nowhere when absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Opens the home for work. Throws `not_found` when there is no home, and the fault of the part that cannot be trusted:
 * config, vault, ledger or its witness. Runs whose process died are marked before this returns.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  return new Engine(await openParts(options));
}

/** What an engine is made of, each part trusted as `openEngine` says. */
export async function openParts(options: EngineOptions): Promise<EngineParts> {
  const { home } = options;
  if (!existsSync(home.state)) {
    throw new Fault("not_found", `there is no Reeve home in ${home.root}`, {
      hint: "run `reeve init`, or name one with --home",
    });
  }
  const clock = options.clock ?? systemClock;
  const config = loadConfig(home.config);
  const { passphrase } = options;
  const vault = await openVault({ dir: home.vault, keys: home.keys, ...(passphrase ? { passphrase } : {}) });
  const pin = pinOf(home, config.ledger.witness_file);
  const ledger = await Ledger.open({
    path: home.ledger,
    key: logKeyFrom(vault),
    witnesses: [fileWitness(pin.witness)],
    clock,
    create: false,
    checkpoint_entries: config.ledger.checkpoint_entries,
    checkpoint_interval_ms: config.ledger.checkpoint_interval_ms,
  });
  checkPinnedKeys(pin.keys, ledger);
  await checkVault(ledger, vault);
  const state = new StateFile(home.database);
  const keeper: RunKeeper = {
    home,
    ledger,
    state,
    runs: new RunStore(state),
    sessions: new SessionStore(state),
    approvals: new ApprovalStore(state),
    usage: new UsageStore(state),
    quarantine: new QuarantineStore(state),
    clock,
    vault_serial: () => vault.serial,
  };
  const reconciled = await reconcileRuns(keeper);
  const unsettled = reconciled.length > 0 ? await settlePrograms(keeper, config, reconciled) : [];
  const notices = [...config.warnings, ...(await observeControlFiles(home, ledger)), ...unsettled];
  const { tools, providers, version, environment = {} } = options;
  return { config, keeper, vault, tools, providers, version, environment, reconciled, notices };
}

/** The keys pinned outside the home must be the log's own, else the home was replaced by another one. */
function checkPinnedKeys(path: string, ledger: Ledger): void {
  if (!existsSync(path)) {
    throw new Fault("failed_precondition", `the pinned log key ${path} is missing`, {
      hint: "if this home was moved here on purpose, run `reeve doctor --fix` to pin its key again",
    });
  }
  const pinned = readFileSync(path, "utf8").split("\n").filter(Boolean);
  const own = ledger.verifierKeys();
  if (pinned.length === own.length && own.every((line) => pinned.includes(line))) return;
  throw new Fault("data_loss", `the ledger's key is not the one pinned in ${path}`, {
    hint: "this home was replaced by another one; compare both with `reeve verify-ledger --key FILE`",
  });
}
