/** Puts the door together from the parts of an opened home. */
import { openMachine } from "../machine/open.ts";
import { decide } from "../policy/decide.ts";
import { rank } from "../store/rank.ts";
import { vaultPaths } from "../vault/commit.ts";
import { join } from "node:path";
import type { AgentRunFacts, AgentRunRequest } from "../define/handles.ts";
import { agentsHandle } from "./agents.ts";
import { takeApproval, takeForRun } from "./approvals.ts";
import { type Catalogue, catalogueHandle } from "./catalogue.ts";
import { configHandle, policyHandle, secretsHandle, watchPolicy, watchSecrets } from "./control.ts";
import type { Door } from "./door.ts";
import type { EngineParts } from "./engine.ts";
import { runsHandle } from "./history.ts";
import { keySecrets } from "./keys.ts";
import { mintFrom } from "./mint.ts";
import { openHomeWorkspace, workspaceRoot } from "./place.ts";
import type { ActiveRun } from "./run.ts";
import type { CallScope } from "./scope.ts";
import { sessionsHandle } from "./sessions.ts";
import { skillsHandle } from "../context/skills.ts";
import { stopped } from "./stop.ts";

export function openDoor(
  { keeper, config, vault, tools, providers, environment }: EngineParts,
  catalogue: Catalogue,
  engine: {
    readonly active: ReadonlyMap<string, ActiveRun>;
    readonly runChild: (scope: CallScope, request: AgentRunRequest) => Promise<AgentRunFacts>;
  },
): Door {
  const { home, clock } = keeper;
  const workspace = openHomeWorkspace(home, config);
  const capabilities = [...new Set(tools.map((tool) => tool.capability))].sort();
  const policy = watchPolicy(home.policy);
  const keys = keySecrets(config, providers, environment);
  return {
    catalogue,
    home,
    ledger: keeper.ledger,
    approvals: keeper.approvals,
    taking: { take: takeApproval, takeForRun },
    approval_expiry_ms: config.approvals.expire_after_ms,
    clock,
    policy,
    decide,
    stopped: (principal) => stopped(home, principal),
    scrubber: watchSecrets(vault, vaultPaths(home.vault).manifest, keys),
    canonicalPath: (path) => workspace.relative(path),
    tool_timeout_ms: config.engine.tool_timeout_ms,
    mint: mintFrom({
      workspace,
      machine: openMachine(),
      config: (scope) => configHandle(keeper, scope),
      policy: (scope) => policyHandle(keeper, capabilities, scope),
      secrets: (scope) => secretsHandle(keeper, vault, scope),
      runs: (scope) => runsHandle(keeper, workspace, engine.active, scope),
      sessions: (scope) => sessionsHandle(keeper, scope),
      agents: (scope) => agentsHandle(keeper, scope, (request) => engine.runChild(scope, request)),
      skills: () =>
        skillsHandle({ adopted: join(home.state, "skills"), workspace: join(workspaceRoot(home, config), "skills") }),
      catalogue: (scope) => catalogueHandle(catalogue, policy, scope, rank, () => clock.now()),
      now: () => clock.now(),
    }),
  };
}
