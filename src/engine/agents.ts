/** Agents as their handle sees them: who there is, a new one without any grant, which one answers by default. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { asFault, Fault, systemErrorName } from "../core/fault.ts";
import { checkAgentName } from "../core/id.ts";
import { loadConfig } from "../config/load.ts";
import { setConfig } from "../config/set.ts";
import { personaFiles, seedPersona } from "../context/persona.ts";
import type { AgentsHandle } from "../define/handles.ts";
import { principalText } from "../define/principal.ts";
import { addAgent, changePolicy } from "../policy/change.ts";
import { loadPolicy } from "../policy/policy.ts";
import { fileDigest } from "./control.ts";
import type { RunKeeper } from "./run.ts";
import type { CallScope } from "./scope.ts";

export function agentsHandle(
  keeper: Pick<RunKeeper, "home" | "ledger">,
  scope: Pick<CallScope, "principal" | "run_id">,
  run: AgentsHandle["run"],
): AgentsHandle {
  const { home, ledger } = keeper;
  const actor = principalText(scope.principal);
  return {
    run,
    list: async () => {
      const { agents } = loadPolicy(home.policy);
      const fallback = loadConfig(home.config).agent.default;
      return [...agents].map(([name, grants]) => ({
        name,
        persona: personaNames(join(home.agents, name)),
        grants: grants.length,
        is_default: name === fallback,
      }));
    },
    create: async (text) => {
      const name = checkAgentName(text);
      const directory = join(home.agents, name);
      if (loadPolicy(home.policy).agents.has(name)) throw taken(name);
      makeOwnDirectory(directory);
      const files = seedNew(directory, () =>
        changePolicy(home.policy, (policy) => {
          if (policy.agents.has(name)) throw taken(name);
          return { policy: addAgent(policy, name) };
        }),
      );
      const payload = { agent: name, sha256: fileDigest(home.policy) };
      await ledger.append({
        type: "policy.changed",
        actor,
        run: scope.run_id,
        payload: { what: "agent", detail: name, sha256: payload.sha256 },
      });
      await ledger.append({ type: "agent.created", actor, run: scope.run_id, payload });
      return files;
    },
    switch: async (text) => {
      const name = checkAgentName(text);
      if (!loadPolicy(home.policy).agents.has(name)) {
        throw new Fault("not_found", `there is no agent named "${name}"`, {
          hint: `create it: reeve agents create ${name}`,
        });
      }
      const fields = setConfig(home.config, { "agent.default": name }, { dry_run: false });
      if (fields.length === 0) return;
      const payload = { fields: [...fields], sha256: fileDigest(home.config) };
      await ledger.append({ type: "config.changed", actor, run: scope.run_id, payload });
    },
  };
}

function taken(name: string): Fault {
  return new Fault("already_exists", `there is an agent named "${name}" already`, {
    hint: "choose another name; nothing was changed",
  });
}

/** One of several at once makes it. Throws `already_exists` for whatever is there, a link that leads nowhere too. */
function makeOwnDirectory(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    if (systemErrorName(thrown) !== "EEXIST") throw asFault(thrown, path);
    throw new Fault("already_exists", `${path} is there already, of an agent that is not`, {
      hint: "move it away, or choose another name; nothing was changed",
      cause: thrown,
    });
  }
}

/** Fills a directory that was just made; it is gone again when that or what follows fails. */
function seedNew(directory: string, then: () => void): readonly string[] {
  try {
    const files = seedPersona(directory);
    then();
    return files;
  } catch (thrown) {
    rmSync(directory, { recursive: true, force: true });
    throw thrown;
  }
}

function personaNames(directory: string): readonly string[] {
  return personaFiles.filter((name) => existsSync(join(directory, name)));
}
