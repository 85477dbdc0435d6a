/** What programs' way out stands on: the tokens of this home, its policy, its ledger and the vetting of addresses. */
import { agent, principalText } from "../define/principal.ts";
import { TokenBook } from "../egress/book.ts";
import type { EgressDecision, EgressQuestion, Gate } from "../egress/connection.ts";
import { openResolver } from "../egress/resolve.ts";
import { EgressStore } from "../store/egress.ts";
import { isId } from "../core/id.ts";
import { decide } from "../policy/decide.ts";
import type { Vault } from "../vault/vault.ts";
import type { Config } from "../config/settings.ts";
import type { Door } from "./door.ts";
import type { RunKeeper } from "./run.ts";

export interface EgressDesk {
  /** What decides about the connections of a proxy: policy, the operator's stop, the tokens, the ledger. */
  readonly gate: Gate;
  readonly tokens: EgressStore;
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
  const gate: Gate = {
    book: new TokenBook(vault.derive("egress/v1"), tokens, keeper.clock),
    resolve: openResolver({ dns_servers, named, timeout_ms }),
    named,
    decide: (question) => decideTunnel(door, question),
    record: async ({ event: type, run, agent: name, ...facts }) => {
      const isRun = run !== null && isId(run);
      await keeper.ledger.append({
        type,
        // Until its token was verified nobody knows who asks.
        actor: name === null ? "unknown" : principalText(agent(name)),
        run: isRun ? run : null,
        // A stranger's program chose the host.
        payload: door.scrubber().json({ ...facts, addresses: [...facts.addresses] }),
      });
    },
  };
  return { gate, tokens };
}

function decideTunnel(door: Door, { agent: name, host, port }: EgressQuestion): EgressDecision {
  const principal = agent(name);
  const stopped = door.stopped(principal);
  if (stopped) return { allow: false, reason: stopped.message };
  const value = `CONNECT ${host}:${port}`;
  const decision = decide(door.policy(), {
    principal,
    capability: "http.request",
    effect: "network",
    resources: [{ capability: "http.request", kind: "endpoint", value }],
    now_ms: door.clock.now(),
  });
  // Nobody can be asked while a connection waits.
  return decision.effect === "allow" ? { allow: true } : { allow: false, reason: decision.reason };
}
