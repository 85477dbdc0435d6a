/** Makes a new home: directories, config, policy with explicit grants, vault, log key, ledger, and the pins outside it. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { syncDirectory, writeAtomic } from "../core/atomic.ts";
import { type Clock, rfc3339, systemClock } from "../core/clock.ts";
import { Fault, asFault } from "../core/fault.ts";
import { type Home, homeAt, liesInside } from "../core/home.ts";
import { checkAgentName, newId } from "../core/id.ts";
import { makePinDirectory, pinOf, setAsidePins } from "../core/pin.ts";
import { defaultConfigText } from "../config/template.ts";
import { agent } from "../define/principal.ts";
import { newLogKey } from "../ledger/key.ts";
import { Ledger } from "../ledger/ledger.ts";
import { fileWitness } from "../ledger/witness.ts";
import { splitCapability } from "../policy/capability.ts";
import { grantProfile, savePolicy } from "../policy/change.ts";
import { emptyPolicy } from "../policy/policy.ts";
import { type Profile, profiles } from "../policy/profiles.ts";
import { createVault } from "../vault/vault.ts";
import { fileDigest } from "./control.ts";
import { sealLogKey } from "./log-key.ts";
import { commitChange } from "./vault-chain.ts";

export interface InitOptions {
  readonly home: Home;
  /** Where agents' files live; `workspace` inside the home unless told. */
  readonly workspace?: string;
  /** Absolute path of the local witness file; in the user state directory unless told. */
  readonly witness?: string;
  readonly passphrase?: string;
  readonly agent: string;
  readonly profile: Profile;
  /** Puts an existing home aside (never away) and makes a new one. */
  readonly force: boolean;
  readonly clock?: Clock;
}

export interface InitResult {
  readonly home: string;
  readonly workspace: string;
  readonly agent: string;
  readonly profile: string;
  /** The ledger's origin line. */
  readonly log: string;
  readonly verifier_keys: readonly string[];
  /** File outside the home that holds those keys. */
  readonly pinned_key: string;
  /** Where an earlier home and its pins were put. */
  readonly put_aside: readonly string[];
}

/**
 * Throws `already_exists` when there is a home and `force` was not given. Everything is made under another name and
 * renamed to `.reeve` last, so a home is there whole or not at all.
 */
export async function initHome(options: InitOptions): Promise<InitResult> {
  const { profile } = options;
  const finished = options.home;
  const home = homeAt(finished.root, `.reeve.${newId().slice(-12)}.new`);
  const clock = options.clock ?? systemClock;
  checkAgentName(options.agent);
  const workspace = resolve(home.root, options.workspace ?? "workspace");
  const pin = pinOf(finished, options.witness ?? null);
  const stamp = rfc3339(clock.now()).replace(/[:.]/g, "-");
  const put_aside = existsSync(finished.state) ? putAside(finished, options.force, stamp) : [];
  try {
    makePinDirectory(pin);
    put_aside.push(...setAsidePins(pin, stamp));
    mkdirSync(home.root, { recursive: true });
    for (const directory of [home.state, home.keys, home.vault, home.agents, home.undo])
      mkdirSync(directory, { mode: 0o700 });
    mkdirSync(home.runs, { recursive: true, mode: 0o700 });
    mkdirSync(workspace, { recursive: true });
  } catch (thrown) {
    throw asFault(thrown, `the home ${home.root} cannot be made`);
  }
  const root = liesInside(home.root, workspace) ? relative(home.root, workspace) : workspace;
  writeAtomic(
    home.config,
    defaultConfigText({
      "workspace.root": root,
      "agent.default": options.agent,
      "ledger.witness_file": options.witness ?? null,
    }),
  );
  const granted = {
    by: "operator",
    at: rfc3339(clock.now()),
    known: profiles.operator.map((each) => splitCapability(each).name),
  };
  savePolicy(home.policy, grantProfile(emptyPolicy, agent(options.agent), profile, granted).policy);
  const key = newLogKey();
  const { passphrase } = options;
  const vault = await createVault({
    dir: home.vault,
    keys: home.keys,
    ...(passphrase === undefined ? {} : { passphrase }),
  });
  const { name, value } = sealLogKey(key);
  const ledger = await Ledger.open({
    path: home.ledger,
    key,
    witnesses: [fileWitness(pin.witness)],
    clock,
    create: true,
  });
  await commitChange(ledger, vault, () => vault.stageSet(name, value), {
    actor: "operator",
    run: null,
    what: "set",
    name,
  });
  writeFileSync(pin.keys, `${ledger.verifierKeys().join("\n")}\n`, { mode: 0o600, flag: "wx" });
  await ledger.append({
    type: "home.created",
    actor: "operator",
    run: null,
    payload: {
      agent: options.agent,
      profile,
      policy_sha256: fileDigest(home.policy),
      config_sha256: fileDigest(home.config),
    },
  });
  const { origin } = ledger;
  const verifier_keys = ledger.verifierKeys();
  await ledger.close();
  vault.close();
  renameSync(home.state, finished.state);
  syncDirectory(home.root);
  return {
    home: home.root,
    workspace,
    agent: options.agent,
    profile,
    log: origin,
    verifier_keys,
    pinned_key: pin.keys,
    put_aside,
  };
}

function putAside(home: Home, force: boolean, stamp: string): string[] {
  if (!force) {
    throw new Fault("already_exists", `there is a Reeve home in ${home.root} already`, {
      hint: "use it as it is, or pass --force to put it aside and start a new one",
    });
  }
  const aside = `${home.state}.${stamp}`;
  renameSync(home.state, aside);
  return [aside];
}
