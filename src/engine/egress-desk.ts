/** What programs' way out stands on: the tokens of this home, its policy, its ledger and the vetting of addresses. */
import { agent, type Principal, principalText } from "../define/principal.ts";
import { TokenBook } from "../egress/book.ts";
import type { EgressDecision, Gate } from "../egress/connection.ts";
import type { EgressEvent } from "../egress/event.ts";
import { type Place, placeText } from "../egress/host.ts";
import { openResolver } from "../egress/resolve.ts";
import { EgressStore } from "../store/egress.ts";
import { isId } from "../core/id.ts";
import type { Vault } from "../vault/vault.ts";
import type { Config } from "../config/settings.ts";
import type { Door } from "./door.ts";
import type { RunKeeper } from "./run.ts";

export interface EgressDesk {
  /** What decides about the connections of a proxy: policy, the operator's stop, the tokens, the ledger. */
  readonly gate: Gate;
  readonly tokens: EgressStore;
  /** Writes an event down as somebody's; null while nobody knows whose. */
  readonly record: (actor: Principal | null, event: EgressEvent) => Promise<void>;
}

export function openEgressDesk(
  door: Door,
  keeper: RunKeeper,
  vault: Vault,
  { egress }: Pick<Config, "egress">,
): EgressDesk {
  const named = new Set(egress.private_hosts);
  const { dns_servers, resolve_timeout_ms: timeout_ms } = egress;
  const tokens = new EgressStore(keeper.state);
  const record = async (actor: Principal | null, { event: type, run, agent: _, ...facts }: EgressEvent) => {
    const isRun = run !== null && isId(run);
    await keeper.ledger.append({
      type,
      actor: actor === null ? "unknown" : principalText(actor),
      run: isRun ? run : null,
      // A stranger's program chose the host.
      payload: door.scrubber().json({ ...facts, addresses: [...facts.addresses] }),
    });
  };
  const gate: Gate = {
    book: new TokenBook(vault.derive("egress/v1"), tokens, keeper.clock),
    resolve: openResolver({ dns_servers, named, timeout_ms }),
    named,
    decide: (question) => decideTunnel(door, agent(question.agent), question, false),
    record: (event) => record(event.agent === null ? null : agent(event.agent), event),
  };
  return { gate, tokens, record };
}

/** `approved`: the operator answered for it. What policy denies stays denied. */
export function decideTunnel(door: Door, principal: Principal, place: Place, approved: boolean): EgressDecision {
  const stopped = door.stopped(principal);
  if (stopped) return { allow: false, reason: stopped.message };
  const decision = door.decide(door.policy(), {
    principal,
    capability: "http.request",
    effect: "network",
    resources: [{ capability: "http.request", kind: "endpoint", value: `CONNECT ${placeText(place)}` }],
    now_ms: door.clock.now(),
    approved,
  });
  // Nobody can be asked while a connection waits.
  return decision.effect === "allow" ? { allow: true } : { allow: false, reason: decision.reason };
}
