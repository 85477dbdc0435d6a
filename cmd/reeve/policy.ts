/** `reeve policy`: who may do what, why, and the operator's two ways to change it. */
import { resolve } from "node:path";
import * as v from "valibot";
import { parseJson } from "../../src/core/canonical.ts";
import { Fault } from "../../src/core/fault.ts";
import { annotatedFields, check } from "../../src/core/schema.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type CommandContext, defineCommand, defineGroup, described, option } from "../../src/define/command.ts";
import { principalText } from "../../src/define/principal.ts";
import type { Tool } from "../../src/define/tool.ts";
import { endpointText, requestTarget } from "../../src/egress/endpoint.ts";
import { catalogueOf } from "../../src/engine/catalogue.ts";
import { resourcesOf } from "../../src/engine/resources.ts";
import { workspaceRoot } from "../../src/engine/place.ts";
import { type AccessRequest, explain as explainDecision, type ResourceRequest } from "../../src/policy/decide.ts";
import { readCases, requestOf, testPolicy } from "../../src/policy/cases.ts";
import { grantsOf, loadPolicy } from "../../src/policy/policy.ts";
import { grantFacts } from "../../src/tools/policy/list.ts";
import { tools } from "../../src/tools/index.ts";
import { openWorkspace } from "../../src/workspace/workspace.ts";
import { columns } from "./shell/columns.ts";
import { actAsOperator, requireHome } from "./shell/control.ts";
import { timeOf } from "./shell/expiry.ts";
import { principalNamed } from "./shell/principal.ts";

const principalField = described(v.string(), "PRINCIPAL", "agent:NAME or NAME");
const capabilityField = described(v.string(), "CAPABILITY", "name or name:pattern, such as fs.write:src/**");

type GrantRow = v.InferOutput<typeof grantFacts>;

const list = defineCommand({
  name: "policy list",
  summary: "List grants and rules.",
  positionals: ["principal"],
  input: v.strictObject({ principal: option(v.string(), "PRINCIPAL", "only this one: agent:NAME or NAME") }),
  run(ctx, { principal }) {
    requireHome(ctx);
    const only = principal === undefined ? undefined : principalNamed(principal);
    const policy = loadPolicy(ctx.home.policy);
    return { grants: grantsOf(policy, only), rules: policy.rules };
  },
  render: ({ grants, rules }, paint) => {
    const lines = rules.map((rule) => [rule.effect, rule.principal, rule.capability, rule.reason]);
    const rulesText = lines.length ? `\n\n${columns(lines, ["RULE", "PRINCIPAL", "CAPABILITY", "REASON"], paint)}` : "";
    return `${grantTable(grants, paint)}${rulesText}`;
  },
});

const grant = defineCommand({
  name: "policy grant",
  summary: "Give an agent a capability.",
  positionals: ["principal", "capability"],
  input: v.strictObject({
    principal: principalField,
    capability: capabilityField,
    expires: option(
      v.string(),
      "WHEN",
      "30m, 12h or 7d from now, or a time such as 2027-01-31T12:00:00Z; never when absent",
    ),
  }),
  examples: ["reeve policy grant agent:default 'fs.write:notes/**' --expires 24h"],
  async run(ctx, { principal, capability, expires }) {
    const at = expires === undefined ? {} : { expires_at: timeOf(expires, Date.now()) };
    const input = { agent_id: agentNamed(principal), capability, ...at };
    return actAsOperator(ctx, "policy.grant", input, v.looseObject({ agent_id: v.string(), granted: grantFacts }));
  },
  render: ({ granted }) =>
    `granted ${granted.capability} to ${granted.principal}${granted.expires_at ? ` until ${granted.expires_at}` : ""} (${granted.id})`,
});

const revoke = defineCommand({
  name: "policy revoke",
  summary: "Take a grant back from an agent.",
  positionals: ["principal", "grant"],
  input: v.strictObject({
    principal: principalField,
    grant: described(v.string(), "GRANT", "its id, or the capability exactly as it was granted"),
  }),
  async run(ctx, { principal, grant: capability }) {
    const output = v.looseObject({ agent_id: v.string(), revoked: v.array(grantFacts) });
    const result = await actAsOperator(ctx, "policy.revoke", { agent_id: agentNamed(principal), capability }, output);
    if (result.revoked.length > 0) return result;
    const who = principalText(principalNamed(principal));
    throw new Fault("not_found", `${who} has no grant ${JSON.stringify(capability)}`, {
      hint: `see reeve policy list ${who}`,
    });
  },
  render: ({ revoked }) =>
    revoked.map((each) => `revoked ${each.capability} from ${each.principal} (${each.id})`).join("\n"),
});

const question = v.strictObject({
  principal: described(v.string(), "PRINCIPAL", "agent:NAME, NAME or operator"),
  tool: described(v.string(), "TOOL", "a tool or a capability"),
  input: option(v.string(), "INPUT", "the tool's input as JSON, or just the path or name it is about"),
});

const explain = defineCommand({
  name: "policy explain",
  summary: "Say what policy would decide about a call, and every step to it.",
  positionals: ["principal", "tool", "input"],
  input: question,
  examples: ["reeve policy explain agent:default fs.write src/main.ts"],
  run: judge,
  render: (result, paint) =>
    [
      `${verdict(result.decision, paint)}: ${result.reason}`,
      ...(result.hint ? [`hint: ${result.hint}`] : []),
      ...result.steps.map(
        (step) => `${step.matched ? "*" : " "} ${step.part}${step.id ? ` ${step.id}` : ""}: ${step.text}`,
      ),
    ].join("\n"),
});

const test = defineCommand({
  name: "policy test",
  summary: "Check the policy against what you expect of it, written in a file.",
  positionals: ["file"],
  input: v.strictObject({ file: described(v.string(), "FILE", "a JSON list of cases") }),
  details: `
    Each case is {"principal", "capability", "resource", "effect", "expect"}; resource and effect may be left out, and
    expect is allow, ask or deny.`,
  statuses: [{ status: 6, meaning: "failed_precondition: the policy decides otherwise than expected" }],
  run(ctx, { file }) {
    requireHome(ctx);
    const options = { known: capabilities(), now_ms: Date.now() };
    const results = testPolicy(loadPolicy(ctx.home.policy), readCases(resolve(ctx.cwd, file)), options);
    return { results, failed: results.filter((each) => !each.ok).length };
  },
  render: ({ results, failed }, paint) =>
    [
      ...results.map(({ case: each, ok, got, reason }) => {
        const about = each.resource === undefined ? each.capability : `${each.capability} ${each.resource}`;
        const words = `${each.principal} ${about}: expected ${each.expect}`;
        return ok ? `${paint.good("ok  ")}  ${words}` : `${paint.bad("FAIL")}  ${words}, got ${got}: ${reason}`;
      }),
      `${results.length - failed} as expected, ${failed} otherwise`,
    ].join("\n"),
  exit: ({ failed }) => (failed ? 6 : 0),
});

export const policy = defineGroup({
  name: "policy",
  summary: "See and change who may do what.",
  commands: [list, grant, revoke, explain, test],
});

async function judge(ctx: CommandContext, asked: v.InferOutput<typeof question>) {
  requireHome(ctx);
  const request = await questionOf(ctx, asked);
  const { decision, steps } = explainDecision(loadPolicy(ctx.home.policy), request);
  return {
    decision: decision.effect,
    reason: decision.reason,
    ...("hint" in decision ? { hint: decision.hint } : {}),
    capability: request.capability,
    resources: request.resources,
    grants: decision.effect === "allow" ? decision.grants : [],
    steps,
  };
}

/** A tool by any of its names with its input, else a capability with a resource. */
async function questionOf(
  ctx: CommandContext,
  { principal, tool: name, input }: v.InferOutput<typeof question>,
): Promise<AccessRequest> {
  const now_ms = Date.now();
  const asker = principalNamed(principal);
  const tool = catalogueOf(tools).find(name);
  if (!tool) {
    const known = [...capabilities(), ...tools.map((each) => each.name)];
    return requestOf(
      { principal: principalText(asker), capability: name, ...(input === undefined ? {} : { resource: input }) },
      { known, now_ms },
    );
  }
  const resources = input === undefined ? [] : await resourcesIn(ctx, tool, input);
  return { principal: asker, capability: tool.capability, effect: tool.effect, resources, now_ms };
}

function capabilities(): readonly string[] {
  return [...new Set(tools.map((tool) => tool.capability))].sort();
}

/** A JSON object is the whole input; anything else is the value of the tool's first resource. */
function resourcesIn(ctx: CommandContext, tool: Tool, input: string): Promise<readonly ResourceRequest[]> {
  const first = annotatedFields(tool.input).find((each) => each.resource !== undefined)?.field;
  if (!first)
    throw new Fault("invalid_argument", `${tool.name} is not about any resource`, { hint: "leave the input out" });
  const fields = input.trimStart().startsWith("{")
    ? check(tool.input, parseJson(input, "the input"), tool.name)
    : { [first]: input, method: "GET" };
  const place = {
    canonicalPath: (path: string) => canonicalPath(ctx, path),
    endpoint: (method: string, text: string) => endpointOf(ctx, method, text),
  };
  return resourcesOf(place, tool, fields);
}

/** A URL, or an endpoint as policy writes it. */
function endpointOf(ctx: CommandContext, method: string, text: string): string {
  if (!text.includes("://")) return text;
  return endpointText(method, requestTarget(text, new Set(loadConfig(ctx.home.config).egress.private_hosts)));
}

function canonicalPath(ctx: CommandContext, path: string): string {
  const { home } = ctx;
  const root = workspaceRoot(home, loadConfig(home.config));
  return openWorkspace({ root, forbidden: [home.state, home.runs], undo: home.undo }).relative(path);
}

function agentNamed(text: string): string {
  const principal = principalNamed(text);
  if (principal.kind === "agent") return principal.name;
  throw new Fault("invalid_argument", "the operator holds no grants", { hint: "name an agent as agent:NAME" });
}

function grantTable(grants: readonly GrantRow[], paint: Parameters<typeof columns>[2]): string {
  const rows = grants.map((each) => [
    each.id,
    each.principal,
    each.capability,
    each.expires_at ?? "never",
    each.provenance.via,
  ]);
  return columns(rows, ["ID", "PRINCIPAL", "CAPABILITY", "EXPIRES", "GRANTED VIA"], paint, "no grants");
}

function verdict(decision: string, paint: Parameters<typeof columns>[2]): string {
  if (decision === "allow") return paint.good(decision);
  return decision === "ask" ? paint.caution(decision) : paint.bad(decision);
}
