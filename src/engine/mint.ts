/** Mints the handles of one call from its decision; they stop working when the call is over. */
import { Fault } from "../core/fault.ts";
import type {
  AgentsHandle,
  CatalogueHandle,
  ConfigHandle,
  Handles,
  MachineHandle,
  PolicyHandle,
  RunsHandle,
  SandboxHandle,
  SecretsHandle,
  SessionsHandle,
  SkillsHandle,
} from "../define/handles.ts";
import type { HttpHandle } from "../define/http.ts";
import type { HandleName, Tool, ToolContext } from "../define/tool.ts";
import type { Decision, ResourceRequest } from "../policy/decide.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { CallScope } from "./scope.ts";

export type Mint = (
  tool: Tool,
  scope: CallScope,
  decision: Extract<Decision, { readonly effect: "allow" }>,
) => { readonly ctx: ToolContext<HandleName>; readonly revoke: () => void };

/** Where each handle comes from; those that write the ledger are made per run, so that their entries name it. */
export interface HandleSources {
  readonly workspace: Workspace;
  readonly machine: MachineHandle;
  readonly config: (scope: CallScope) => ConfigHandle;
  readonly policy: (scope: CallScope) => PolicyHandle;
  readonly secrets: (scope: CallScope) => SecretsHandle;
  readonly runs: (scope: CallScope) => RunsHandle;
  readonly sessions: (scope: CallScope) => SessionsHandle;
  readonly agents: (scope: CallScope) => AgentsHandle;
  readonly skills: (scope: CallScope) => SkillsHandle;
  readonly catalogue: (scope: CallScope) => CatalogueHandle;
  readonly sandbox: (scope: CallScope, permits: (resource: ResourceRequest) => boolean) => SandboxHandle;
  readonly http: (scope: CallScope, decision: Parameters<Mint>[2]) => HttpHandle;
  readonly now: () => number;
}

const accessCapability = { read: "fs.read", write: "fs.write", delete: "fs.delete" } as const;

export function mintFrom(sources: HandleSources): Mint {
  return (tool, scope, decision) => {
    let live = true;
    const make: { readonly [N in HandleName]: () => Handles[N] } = {
      workspace: () =>
        sources.workspace.handle({
          run_id: scope.run_id,
          call_id: scope.call_id,
          mutable: tool.effect !== "read",
          permits: (access, value) =>
            live && decision.permits({ capability: accessCapability[access], kind: "path", value }),
        }),
      machine: () => sources.machine,
      config: () => readOnlyUnless(tool, sources.config(scope), ["set"]),
      policy: () => readOnlyUnless(tool, sources.policy(scope), ["grant", "revoke"]),
      secrets: () => readOnlyUnless(tool, sources.secrets(scope), ["set", "remove", "rotate"]),
      runs: () => readOnlyUnless(tool, sources.runs(scope), ["cancel", "undo", "revert", "accept"]),
      sessions: () => readOnlyUnless(tool, sources.sessions(scope), ["close"]),
      agents: () => readOnlyUnless(tool, sources.agents(scope), ["create", "switch", "run"]),
      skills: () => sources.skills(scope),
      catalogue: () => sources.catalogue(scope),
      sandbox: () => {
        if (tool.effect !== "execute") throw new Fault("internal", `${tool.name} does not say that it runs programs`);
        return sources.sandbox(scope, (resource) => live && decision.permits(resource));
      },
      http: () => readOnlyUnless(tool, sources.http(scope, decision), ["request"]),
    };
    const requireLive = () => {
      if (!live) throw new Fault("canceled", `${tool.name} is over and may do nothing more`);
    };
    const handles = Object.fromEntries(tool.needs.map((name) => [name, whileLive(make[name](), requireLive)]));
    const { principal, run_id, call_id, signal } = scope;
    const ctx = {
      ...handles,
      principal,
      run_id,
      call_id,
      signal,
      now: sources.now,
    } as unknown as ToolContext<HandleName>;
    return {
      ctx,
      revoke: () => {
        live = false;
      },
    };
  };
}

/** The handle with `requireLive` asked before each of its methods. */
function whileLive(handle: object, requireLive: () => void): object {
  const methods = Object.entries(handle).map(([name, method]: [string, unknown]) => {
    if (typeof method !== "function") throw new Fault("internal", `${name} of a handle is no method`);
    const guarded = (...args: readonly unknown[]): unknown => {
      requireLive();
      return Reflect.apply(method, handle, args);
    };
    return [name, guarded];
  });
  return Object.fromEntries(methods);
}

/** The handle with its mutators refused when the call's effect is `read`. */
function readOnlyUnless<H extends object>(tool: Tool, handle: H, mutators: readonly (keyof H & string)[]): H {
  if (tool.effect !== "read") return handle;
  const refused = mutators.map((name) => [
    name,
    () => Promise.reject(new Fault("permission_denied", `${tool.name} is a read and may not ${name}`)),
  ]);
  return { ...handle, ...Object.fromEntries(refused) };
}
