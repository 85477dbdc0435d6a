/** Puts the door together from the parts of an opened home. */
import { openMachine } from "../machine/open.ts";
import { decide } from "../policy/decide.ts";
import { rank } from "../store/rank.ts";
import { vaultPaths } from "../vault/commit.ts";
import { join } from "node:path";
import type { Config } from "../config/settings.ts";
import type { AgentRunFacts, AgentRunRequest } from "../define/handles.ts";
import { agentsHandle } from "./agents.ts";
import { takeApproval, takeForRun } from "./approvals.ts";
import { type Catalogue, catalogueHandle } from "./catalogue.ts";
import { configHandle, policyHandle, secretsHandle, watchPolicy, watchSecrets } from "./control.ts";
import type { Door } from "./door.ts";
import type { EngineParts } from "./engine.ts";
import { runsHandle } from "./history.ts";
import { endpointText, requestTarget } from "../egress/endpoint.ts";
import { httpHandle } from "./request-handle.ts";
import { keySecrets } from "./keys.ts";
import { mintFrom } from "./mint.ts";
import type { EgressDesk } from "./egress-desk.ts";
import { openHomeWorkspace, workspaceRoot } from "./place.ts";
import type { ProgramGround } from "./programs.ts";
import { taintWatch } from "./outward.ts";
import { Quarantine } from "./quarantine.ts";
import type { ActiveRun } from "./run.ts";
import type { CallScope } from "./scope.ts";
import { sessionsHandle } from "./sessions.ts";
import { watchRuns, watchSessions } from "./record-watch.ts";
import { watchSkills } from "./skill-watch.ts";
import { skillsHandle } from "../context/skills.ts";
import { stopped } from "./stop.ts";
import { lazySandbox, wallsMissing } from "./walls.ts";

export function openDoor(
  { keeper, config, vault, tools, providers, environment }: EngineParts,
  catalogue: Catalogue,
  engine: {
    readonly active: ReadonlyMap<string, ActiveRun>;
    readonly runChild: (scope: CallScope, request: AgentRunRequest) => Promise<AgentRunFacts>;
  },
  sandboxOf: (config: Config) => () => Promise<ProgramGround["sandbox"]> = lazySandbox,
): Door {
  const { home, clock } = keeper;
  const workspace = openHomeWorkspace(home, config);
  const quarantine = new Quarantine(keeper, workspace);
  const capabilities = [...new Set(tools.map((tool) => tool.capability))].sort();
  const policy = watchPolicy(home.policy);
  const skills = { adopted: join(home.state, "skills"), workspace: join(workspaceRoot(home, config), "skills") };
  const keys = keySecrets(config, providers, environment);
  const scrubber = watchSecrets(vault, vaultPaths(home.vault).manifest, keys);
  const { ledger } = keeper;
  const sandbox = sandboxOf(config);
  const watch = taintWatch(config, workspace, quarantine);
  const programs = {
    settings: config.sandbox,
    workspace,
    own: [home.state, home.runs],
    ledger: keeper.ledger,
    policy,
    scrubber,
    now: () => clock.now(),
    isStrange: watch.isStrangeBeneath,
    mark: (run: string) => quarantine.mark(run),
  };
  let desk: EgressDesk | undefined;
  const wayOut: ProgramGround["wayOut"] = async (...program) => {
    const { openEgressDesk } = await import("./egress-desk.ts");
    const { openWayOut } = await import("./way-out.ts");
    desk ??= openEgressDesk(door, keeper, vault, config);
    return openWayOut(door, desk, ...program);
  };
  const door: Door = {
    catalogue,
    home,
    quarantine,
    ledger: keeper.ledger,
    approvals: keeper.approvals,
    taking: { take: takeApproval, takeForRun },
    approval_expiry_ms: config.approvals.expire_after_ms,
    clock,
    policy,
    decide,
    stopped: (principal) => stopped(home, principal),
    scrubber,
    walls: async () => wallsMissing(await (await sandbox()).tier()),
    watch,
    canonicalPath: (path) => workspace.relative(path),
    endpoint: (method, url) => endpointText(method, requestTarget(url, new Set(config.egress.private_hosts))),
    tool_timeout_ms: config.engine.tool_timeout_ms,
    mint: mintFrom({
      workspace,
      machine: openMachine(),
      config: (scope) => configHandle(keeper, scope),
      policy: (scope) => policyHandle(keeper, capabilities, scope),
      secrets: (scope) => secretsHandle(keeper, vault, scope),
      runs: (scope) =>
        watchRuns(runsHandle(keeper, workspace, quarantine, engine.active, scope), keeper.quarantine, catalogue, scope),
      sessions: (scope) => watchSessions(sessionsHandle(keeper, scope), keeper.sessions, scope),
      agents: (scope) => agentsHandle(keeper, scope, (request) => engine.runChild(scope, request)),
      skills: (scope) => watchSkills(skillsHandle(skills), scope),
      catalogue: (scope) =>
        catalogueHandle(
          catalogue,
          policy,
          scope,
          rank,
          () => clock.now(),
          async () => wallsMissing(await (await sandbox()).tier()),
        ),
      sandbox: (scope, permits) => ({
        run: async (program) => {
          const { runProgram } = await import("./programs.ts");
          return runProgram({ ...programs, wayOut, sandbox: await sandbox() }, scope, permits, program);
        },
      }),
      http: (scope, decision) =>
        httpHandle({ egress: config.egress, ledger, vault, policy, scrubber, now: () => clock.now() }, scope, decision),
      now: () => clock.now(),
    }),
  };
  return door;
}
