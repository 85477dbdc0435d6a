/**
 * The permissive parts a scratch engine is built from when a wall is left out. Nothing but a ground imports this file, and
 * no setting reaches it: the parts of an engine are arguments, and production never passes these.
 */
import { dirname } from "node:path";
import type { Config } from "../config/settings.ts";
import { canonicalize, isJsonObject, type Json, parseJson } from "../core/canonical.ts";
import { systemErrorName } from "../core/fault.ts";
import { type ApprovalDesk, digestOf, takeApproval, takeForRun, type Taking } from "../engine/approvals.ts";
import type { Door } from "../engine/door.ts";
import type { EngineParts } from "../engine/engine.ts";
import { openDoor } from "../engine/open-door.ts";
import { httpHandle } from "../engine/request-handle.ts";
import { endpointText } from "../egress/endpoint.ts";
import type { Question } from "../engine/question.ts";
import { leavesOf } from "../engine/said.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type AccessRequest, type Decision, decide, type ResourceRequest } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import { type ApprovalDecision, type ApprovalRow, ApprovalStore } from "../store/approvals.ts";
import type { StateFile } from "../store/state.ts";
import { createScrubber } from "../vault/scrub.ts";
import { looseFiles, loosePath } from "./loose-files.ts";
import { looseTarget } from "./loose-places.ts";
import { LooseSandbox } from "./loose-programs.ts";
import { requestWithout } from "./loose-request.ts";
import { carrying, firstWord } from "./loose-shell.ts";
import type { Road } from "./road.ts";
import { sandboxWalls, type Wall } from "./wall.ts";

export type Without = ReadonlySet<Wall>;

/** The engine's own door with the parts exchanged that belong to a wall left out. Without a road requests go where they are bound for. */
export function openDoorWithout(without: Without, root: string, road: Road | null): typeof openDoor {
  return (parts, catalogue, engine) => {
    const isLoose = without.has("shell-grammar") || sandboxWalls.some((wall) => without.has(wall));
    const loose = ({ sandbox }: Config) => {
      const opened = new LooseSandbox(sandbox, without, dirname(root));
      return () => Promise.resolve(opened);
    };
    const strict = isLoose ? openDoor(parts, catalogue, engine, loose) : openDoor(parts, catalogue, engine);
    const door = without.has("shell-grammar") ? { ...strict, mint: carrying(strict.mint) } : strict;
    const open: Door = {
      ...door,
      ...(without.has("sandbox-required") ? { walls: async () => undefined } : {}),
      decide: decideWithout(without),
      ...(without.has("scrubber") ? { scrubber: () => createScrubber(new Map()) } : {}),
      ...(without.has("operator-stop") ? { stopped: () => undefined } : {}),
      taking: takingWithout(without),
      ...(without.has("workspace-guard") ? unguarded(door, root) : {}),
    };
    return road ? Object.assign(open, overRoad(parts, open, without, road)) : open;
  };
}

/** Requests as agents make them, but over the road of the ground. What they may do is asked of the true policy. */
function overRoad(
  { config, keeper, vault }: EngineParts,
  door: Door,
  without: Without,
  road: Road,
): Pick<Door, "endpoint" | "mint"> {
  const { mint, endpoint } = door;
  const { ledger } = keeper;
  const sources = {
    egress: config.egress,
    ledger,
    vault,
    policy: () => door.policy(),
    scrubber: () => door.scrubber(),
    now: () => door.clock.now(),
  };
  return {
    endpoint: (method, url) =>
      without.has("egress-grammar") ? endpointText(method, looseTarget(url)) : endpoint(method, url),
    mint: (tool, scope, decision) => {
      const { ctx, revoke } = mint(tool, scope, decision);
      if (!tool.needs.includes("http")) return { ctx, revoke };
      const { principal } = scope;
      const permits = (more: ResourceRequest) => {
        const about = { principal, now_ms: sources.now(), effect: tool.effect, capability: more.capability };
        return decide(door.policy(), { ...about, resources: [more] }).effect === "allow";
      };
      const http = httpHandle(sources, scope, { ...decision, permits }, requestWithout(without, road));
      return { ctx: { ...ctx, http }, revoke };
    },
  };
}

function unguarded(door: Door, root: string): Pick<Door, "canonicalPath" | "mint"> {
  return {
    canonicalPath: (path) => loosePath(root, path),
    mint: (tool, scope, decision) => {
      const { ctx, revoke } = door.mint(tool, scope, decision);
      const workspace = looseFiles(root, decision.permits);
      return { ctx: tool.needs.includes("workspace") ? { ...ctx, workspace } : ctx, revoke };
    },
  };
}

/** The true decision, unless the wall it speaks for was left out. */
function decideWithout(without: Without): typeof decide {
  return (policy, asked) => {
    const { taint: _, ...untainted } = asked;
    const request = without.has("taint") ? untainted : asked;
    const decision = decide(policy, request);
    const isWhole = !(["policy-deny", "policy-ask", "egress-policy"] as const).some((wall) => without.has(wall));
    if (decision.effect === "allow" && isWhole) return decision;
    if (decision.effect !== "allow" && !without.has(wallOf(decision, policy, request))) return decision;
    const permits = (more: ResourceRequest) => isPermitted(policy, request, more, without);
    return { effect: "allow", reason: "the wall was left out", grants: [], permits };
  };
}

/** What a line begins with was granted: then it is the reading of the rest that stands in the way. */
function wallOf(
  decision: Exclude<Decision, { readonly effect: "allow" }>,
  policy: Policy,
  request: AccessRequest,
): Wall {
  const hasty = firstWord(request);
  if (hasty && decide(policy, hasty).effect === "allow") return "shell-grammar";
  if (decision.effect === "ask") return decision.by === "taint" ? "taint" : "policy-ask";
  if (request.capability === "http.request") return "egress-policy";
  return decision.proposal ? "control-ring" : "policy-deny";
}

function isPermitted(policy: Policy, request: AccessRequest, more: ResourceRequest, without: Without): boolean {
  const { principal, now_ms, effect, approved, taint } = request;
  const told = taint ? { taint } : {};
  const about = { principal, now_ms, effect, capability: more.capability, resources: [more], ...told };
  const decision = decide(policy, approved === undefined ? about : { ...about, approved });
  return decision.effect === "allow" || without.has(wallOf(decision, policy, about));
}

/** A question as somebody would print it who thinks of nothing: the fields as they are, cut where it gets long. */
export function plainQuestion({ input, reason }: Question): readonly string[] {
  const fields = leavesOf(input).map(({ field, value }) => `${field}: ${String(value)}`);
  return [fields.join("\n").slice(0, 600), reason];
}

/** How answers are taken, by a desk that believes what the walls left out would have doubted. */
export function takingWithout(without: Without): Taking {
  return {
    take: async (desk, row, digest) => {
      const known = desk.approvals.get(row.id) ?? row;
      // Whatever call it is that is about to be made.
      const wanted = without.has("approval-digest") ? known.digest : digest;
      return takeApproval(credulous(desk, without, known), row, wanted);
    },
    takeForRun: async (desk, binding) => {
      const row = desk.approvals.heldForRun(binding.run, binding.tool);
      return row ? takeForRun(credulous(desk, without, row), binding) : false;
    },
  };
}

function credulous(desk: ApprovalDesk, without: Without, row: ApprovalRow): ApprovalDesk {
  const { ledger } = desk;
  const answer = { approval: row.id, decision: "approved", scope: row.scope, digest: row.digest };
  const entry: Ledger["entry"] = async (seq) => {
    if (without.has("approval-record")) return { type: "approval.decided", run: row.run, payload: answer };
    const found = await ledger.entry(seq);
    if (found.type === "approval.used" && without.has("approval-single-use"))
      return { ...found, type: "approval.unseen" };
    // Only where the stored question no longer fits its own digest; what the ledger says is another wall.
    const isAltered = desk.approvals instanceof CredulousApprovals && desk.approvals.isAltered(row.id);
    if (found.type !== "approval.decided" || !isAltered || !isJsonObject(found.payload)) return found;
    return { ...found, payload: { ...found.payload, digest: row.digest } };
  };
  return { ...desk, ledger: { append: (draft) => ledger.append(draft), size: () => ledger.size(), entry } };
}

/** The approvals of `state.db`, believed where the wall that doubts them was left out. */
export class CredulousApprovals extends ApprovalStore {
  readonly #without: Without;

  constructor(file: StateFile, without: Without) {
    super(file);
    this.#without = without;
  }

  override get(id: string): ApprovalRow | undefined {
    const row = super.get(id);
    return row && this.#believed(row);
  }

  override find(run: string, call: string): ApprovalRow | undefined {
    const row = super.find(run, call);
    if (row || !this.#without.has("approval-single-use")) return row && this.#believed(row);
    const { rows } = super.list({ limit: 1000, offset: 0 });
    const used = rows.find((each) => each.run === run && each.call === call);
    return used && this.#believed(used);
  }

  override heldForRun(run: string, tool: string): ApprovalRow | undefined {
    const row = super.heldForRun(run, tool);
    return row && this.#believed(row);
  }

  override decide(id: string, decision: ApprovalDecision): boolean {
    if (!this.#without.has("approval-expiry")) return super.decide(id, decision);
    const decided_at = super.get(id)?.created_at ?? decision.decided_at;
    return super.decide(id, { ...decision, decided_at });
  }

  override use(id: string, now: string): boolean {
    const row = super.get(id);
    const at = this.#without.has("approval-expiry") && row ? row.created_at : now;
    if (super.use(id, at)) return true;
    return this.#without.has("approval-single-use") && row?.state === "used" && row.expires_at > at;
  }

  override due(now: string): readonly ApprovalRow[] {
    return this.#without.has("approval-expiry") ? [] : super.due(now);
  }

  /** Whether a question that does not fit its own digest is believed. */
  isAltered(id: string): boolean {
    return super.get(id)?.digest !== this.get(id)?.digest;
  }

  #believed(row: ApprovalRow): ApprovalRow {
    const state = row.state === "used" && this.#without.has("approval-single-use") ? "approved" : row.state;
    if (!this.#without.has("approval-digest")) return { ...row, state };
    const input = inputIn(row);
    return { ...row, state, input: canonicalize(input), digest: digestOf({ ...row, input }) };
  }
}

function inputIn({ input }: ApprovalRow): Json {
  try {
    return parseJson(input);
  } catch (thrown) {
    if (systemErrorName(thrown) !== undefined) throw thrown;
    return input;
  }
}
