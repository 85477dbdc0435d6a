/** Makes a new home: directories, config, policy with explicit grants, vault, log key, ledger, and the pins outside it. */
import {
  closeSync,
  constants,
  fchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import * as v from "valibot";
import { syncDirectory, writeAtomic } from "../core/atomic.ts";
import type { Json } from "../core/canonical.ts";
import { type Clock, rfc3339, systemClock } from "../core/clock.ts";
import { Fault, asFault, systemErrorName } from "../core/fault.ts";
import { type Home, homeAt, liesInside } from "../core/home.ts";
import { checkAgentName, newId } from "../core/id.ts";
import { utf8 } from "../core/text.ts";
import { makePinDirectory, type Pin, pinOf, setAsidePins } from "../core/pin.ts";
import { settingsSchema } from "../config/settings.ts";
import { defaultConfigText } from "../config/template.ts";
import { seedPersona } from "../context/persona.ts";
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
import { refuseWitnessIn } from "./place.ts";
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
  /** Other settings that are not to have their defaults, by dotted name. */
  readonly settings?: { readonly [field: string]: Json };
  /** What the vault is to hold from the start, by name. */
  readonly secrets?: ReadonlyMap<string, string>;
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
 * renamed to `.reeve` last, so a home is there whole or not at all. When a step fails, an earlier home and its pins are
 * back in their places and nothing of the new one is left but empty directories.
 */
export async function initHome(options: InitOptions): Promise<InitResult> {
  const finished = options.home;
  const home = homeAt(finished.root, `.reeve.${newId().slice(-12)}.new`);
  const clock = options.clock ?? systemClock;
  checkAgentName(options.agent);
  const workspace = resolve(home.root, options.workspace ?? "workspace");
  const pin = pinOf(finished, options.witness ?? null);
  if (options.witness !== undefined) refuseWitnessIn(workspace, pin.witness);
  const stamp = rfc3339(clock.now()).replace(/[:.]/g, "-");
  const aside = `${finished.state}.${stamp}`;
  const former = lstatSync(finished.state, { throwIfNoEntry: false });
  if (former && !options.force) throw homeExists(finished);
  let pins: readonly string[] = [];
  try {
    // Others may not write here whatever the umask: who can rename entries of the home can put another one in its place.
    mkdirSync(home.root, { recursive: true, mode: 0o755 });
    for (const directory of [home.state, home.keys, home.vault, home.agents, home.undo])
      mkdirSync(directory, { mode: 0o700 });
    mkdirSync(home.runs, { recursive: true, mode: 0o700 });
    named(`the workspace ${workspace}`, () => {
      const isNew = lstatSync(workspace, { throwIfNoEntry: false }) === undefined;
      mkdirSync(workspace, { recursive: true, mode: 0o755 });
      if (isNew) giveToPrograms(workspace, options);
    });
    named(`the directory ${dirname(pin.witness)} of the pinned key`, () => makePinDirectory(pin));
    pins = setAsidePins(pin, stamp);
  } catch (thrown) {
    rmSync(home.state, { recursive: true, force: true });
    throw asFault(thrown, `the home ${home.root} cannot be made`);
  }
  let made: Omit<InitResult, "put_aside">;
  try {
    made = await furnish(options, { home, workspace, pin, clock });
    if (former) renameSync(finished.state, aside);
    try {
      renameSync(home.state, finished.state);
    } catch (thrown) {
      if (former) renameSync(aside, finished.state);
      throw thrown;
    }
  } catch (thrown) {
    for (const path of [home.state, pin.keys, pin.witness]) rmSync(path, { recursive: true, force: true });
    for (const path of pins) renameSync(path, path.slice(0, -`.${stamp}`.length));
    throw asFault(thrown, `the home ${home.root} cannot be made`);
  }
  syncDirectory(home.root);
  return { ...made, put_aside: [...(former ? [aside] : []), ...pins] };
}

/** Config, policy, vault, key and ledger of a home whose directories are there, and its pins. */
async function furnish(
  options: InitOptions,
  {
    home,
    workspace,
    pin,
    clock,
  }: {
    readonly home: Home;
    readonly workspace: string;
    readonly pin: Pin;
    readonly clock: Clock;
  },
): Promise<Omit<InitResult, "put_aside">> {
  const { profile } = options;
  const root = liesInside(home.root, workspace) ? relative(home.root, workspace) : workspace;
  writeAtomic(
    home.config,
    defaultConfigText({
      ...options.settings,
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
  seedPersona(join(home.agents, options.agent));
  const key = newLogKey();
  const { passphrase } = options;
  const vault = await createVault({
    dir: home.vault,
    keys: home.keys,
    ...(passphrase === undefined ? {} : { passphrase }),
  });
  const { name: logKey, value: seeds } = sealLogKey(key);
  const ledger = await Ledger.open({
    path: home.ledger,
    key,
    witnesses: [fileWitness(pin.witness)],
    clock,
    create: true,
  });
  const secrets = [...(options.secrets ?? [])].map(([name, value]) => [name, utf8(value)] as const);
  for (const [name, value] of [[logKey, seeds] as const, ...secrets]) {
    const entry = { actor: "operator", run: null, what: "set", name };
    await commitChange(ledger, vault, () => vault.stageSet(name, value), entry);
  }
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
  return {
    home: home.root,
    workspace,
    agent: options.agent,
    profile,
    log: origin,
    verifier_keys,
    pinned_key: pin.keys,
  };
}

/** As root, programs run as another user, who is to own the workspace. Where that user cannot be had the doctor tells. */
function giveToPrograms(workspace: string, { settings = {} }: InitOptions): void {
  if (process.geteuid?.() !== 0) return;
  const set = settings["sandbox.uid"];
  const uid = typeof set === "number" ? set : v.getDefault(settingsSchema.entries.sandbox.entries.uid);
  const directory = openSync(workspace, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(directory, uid, uid);
  } catch (thrown) {
    // A user namespace that has no such user.
    if (systemErrorName(thrown) !== "EINVAL") throw thrown;
  } finally {
    closeSync(directory);
  }
}

function homeExists(home: Home): Fault {
  return new Fault("already_exists", `there is a Reeve home in ${home.root} already`, {
    hint: "use it as it is, or pass --force to put it aside and start a new one",
  });
}

/** Lies outside the home maybe, so it is not the home that cannot be made. */
function named(what: string, make: () => void): void {
  try {
    make();
  } catch (thrown) {
    const fault = asFault(thrown, `${what} cannot be made`);
    if (fault.code !== "already_exists") throw fault;
    throw new Fault("already_exists", `${what} cannot be made: it is not a directory`, {
      hint: "choose another directory",
      cause: thrown,
    });
  }
}
