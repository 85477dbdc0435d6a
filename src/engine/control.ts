/** The control plane as handles: every change of policy, config or vault is followed by a ledger entry with the new digest. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { rfc3339 } from "../core/clock.ts";
import { Fault, asFault } from "../core/fault.ts";
import { pinOf } from "../core/pin.ts";
import { sha256Hex } from "../crypto/hash.ts";
import { redactConfig } from "../config/redact.ts";
import { loadConfig } from "../config/load.ts";
import { setConfig } from "../config/set.ts";
import type { Config } from "../config/settings.ts";
import type { ConfigHandle, PolicyHandle, SecretsHandle } from "../define/handles.ts";
import { principalText } from "../define/principal.ts";
import { changePolicy, grantOn, revokeFrom } from "../policy/change.ts";
import { denyAll, grantsOf, loadPolicy, type Policy } from "../policy/policy.ts";
import { createScrubber, type Scrubber } from "../vault/scrub.ts";
import type { Vault } from "../vault/vault.ts";
import type { CallScope } from "./scope.ts";
import { carryPin, openHomeWorkspace } from "./place.ts";
import type { RunKeeper } from "./run.ts";
import { commitChange } from "./vault-chain.ts";

/** The policy in force, read again when its file changes; an unreadable one denies everything. */
export function watchPolicy(path: string): () => Policy {
  let seen = "";
  let policy: Policy = denyAll(new Fault("unavailable", "the policy has not been read"));
  return () => {
    try {
      const now = fingerprint(path);
      if (now === seen) return policy;
      policy = loadPolicy(path);
      seen = now;
    } catch (thrown) {
      seen = "";
      policy = denyAll(asFault(thrown, "the policy cannot be read"));
    }
    return policy;
  };
}

/**
 * The scrubber for what the vault holds now, also after another process changed it, and for secrets known from elsewhere.
 * Throws as the vault does when it is damaged.
 */
export function watchSecrets(
  vault: Vault,
  manifest: string,
  elsewhere: ReadonlyMap<string, Uint8Array>,
): () => Scrubber {
  let seen = "";
  let scrubber: Scrubber | undefined;
  return () => {
    const now = fingerprint(manifest);
    if (scrubber && now === seen) return scrubber;
    vault.refresh();
    scrubber = createScrubber(new Map([...elsewhere, ...vault.values()]));
    seen = now;
    return scrubber;
  };
}

/** Changes whenever the file at `path` is replaced or written: every writer of ours replaces it by renaming a new one. */
function fingerprint(path: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return `${ino}/${size}/${mtimeNs}/${ctimeNs}`;
}

/** SHA-256 of a control file's bytes, or "missing". */
export function fileDigest(path: string): string {
  return existsSync(path) ? sha256Hex(readFileSync(path)) : "missing";
}

export function policyHandle(keeper: RunKeeper, capabilities: readonly string[], scope: CallScope): PolicyHandle {
  const { home, ledger, clock } = keeper;
  const actor = principalText(scope.principal);
  const changed = (what: string, detail: string) =>
    ledger.append({
      type: "policy.changed",
      actor,
      run: scope.run_id,
      payload: { what, detail, sha256: fileDigest(home.policy) },
    });
  return {
    list: async (principal) => grantsOf(loadPolicy(home.policy), principal),
    grant: async (principal, capability, { expires_at }) => {
      const provenance = { by: actor, via: `run ${scope.run_id}`, at: rfc3339(clock.now()) };
      const { grant } = changePolicy(home.policy, (policy) =>
        grantOn(policy, principal, capability, { expires_at, provenance, known: capabilities }),
      );
      await changed("grant", `${principalText(principal)} ${capability}`);
      return grant;
    },
    revoke: async (principal, name) => {
      const { revoked } = changePolicy(home.policy, (policy) => revokeFrom(policy, principal, name));
      if (revoked.length > 0) await changed("revoke", `${principalText(principal)} ${name}`);
      return revoked;
    },
  };
}

export function configHandle(keeper: RunKeeper, scope: CallScope): ConfigHandle {
  const { home, ledger } = keeper;
  return {
    get: () => redactConfig(loadConfig(home.config)),
    set: async (updates, { dry_run }) => {
      let next = loadConfig(home.config);
      const from = pinOf(home, next.ledger.witness_file);
      const accept = (wanted: Config) => {
        openHomeWorkspace(home, wanted);
        next = wanted;
      };
      const planned = setConfig(home.config, updates, { dry_run: true, accept });
      if (dry_run) return planned;
      const to = pinOf(home, next.ledger.witness_file);
      if (to.witness !== from.witness) await carryPin(from, to, ledger.origin);
      const fields = setConfig(home.config, updates, { dry_run, accept });
      if (fields.length > 0) {
        const payload = { fields: [...fields], sha256: fileDigest(home.config) };
        await ledger.append({
          type: "config.changed",
          actor: principalText(scope.principal),
          run: scope.run_id,
          payload,
        });
      }
      return fields;
    },
  };
}

export function secretsHandle(keeper: RunKeeper, vault: Vault, scope: CallScope): SecretsHandle {
  const entry = (what: string, name: string | null) => ({
    actor: principalText(scope.principal),
    run: scope.run_id,
    what,
    name,
  });
  const find = (name: string) => vault.list().find((secret) => secret.name === name);
  return {
    list: async () => vault.list(),
    set: async (name, value, options) => {
      const bytes = Buffer.from(value, "utf8");
      await commitChange(keeper.ledger, vault, () => vault.stageSet(name, bytes, options), entry("set", name));
      const facts = find(name);
      if (!facts) throw new Fault("internal", `secret ${name} was written and is not listed`);
      return facts;
    },
    remove: async (name) => {
      const change = await commitChange(keeper.ledger, vault, () => vault.stageRemove(name), entry("remove", name));
      return change !== undefined;
    },
    rotate: async () => {
      const change = await commitChange(keeper.ledger, vault, () => vault.stageRotate(), entry("rotate", null));
      if (!change) throw new Fault("internal", "the vault staged no rotation");
      return change.epoch;
    },
  };
}
