/** Requests to the world on behalf of one call: bound to its decision, its run's record and the secrets of this home. */
import { readFileSync } from "node:fs";
import type { Config } from "../config/settings.ts";
import { asFault, Fault } from "../core/fault.ts";
import { principalText } from "../define/principal.ts";
import type { HttpHandle } from "../define/http.ts";
import type { RequestPowers, requestFrom } from "../egress/request.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Decision } from "../policy/decide.ts";
import { namesPort } from "../policy/plain.ts";
import type { Policy } from "../policy/policy.ts";
import { referencesIn } from "../vault/reference.ts";
import type { Scrubber } from "../vault/scrub.ts";
import type { Vault } from "../vault/vault.ts";
import type { CallScope } from "./scope.ts";

export interface RequestSources {
  readonly egress: Config["egress"];
  readonly ledger: Ledger;
  readonly vault: Vault;
  readonly policy: () => Policy;
  readonly scrubber: () => Scrubber;
  readonly now: () => number;
}

type Allowed = Extract<Decision, { readonly effect: "allow" }>;

/** `request` carries one out; `requestFrom` unless given. */
export function httpHandle(
  sources: RequestSources,
  scope: CallScope,
  decision: Allowed,
  request?: typeof requestFrom,
): HttpHandle {
  return {
    request: async (asked) => {
      const carryOut = request ?? (await import("../egress/request.ts")).requestFrom;
      return carryOut(await powersOf(sources, scope, decision), asked, scope.signal);
    },
  };
}

async function powersOf(sources: RequestSources, scope: CallScope, decision: Allowed): Promise<RequestPowers> {
  const { openResolver } = await import("../egress/resolve.ts");
  const { egress, ledger, vault, policy, scrubber, now } = sources;
  const named = new Set(egress.private_hosts);
  const { dns_servers, resolve_timeout_ms: timeout_ms } = egress;
  const actors = [scope.principal, ...scope.links.map(({ principal }) => principal)];
  return {
    named,
    resolve: openResolver({ dns_servers, named, timeout_ms }),
    permits: (value) => decision.permits({ capability: "http.request", kind: "endpoint", value }),
    permitsPlain: (endpoint) => actors.every((each) => namesPort(policy(), each, endpoint, now())),
    secretsIn: referencesIn,
    withSecrets: (text, host) => {
      if (referencesIn(text).length > 0) vault.refresh();
      return vault.resolve(text, { kind: "host", name: host });
    },
    scrub: { text: (text) => scrubber().text(text), beginning: (text) => scrubber().stream().push(text) },
    record: ({ type, address, secrets, ...event }) =>
      ledger.append({
        type: `egress.${type}`,
        actor: principalText(scope.principal),
        run: scope.run_id,
        // A stranger's redirect chose the host.
        payload: scrubber().json({
          call: scope.call_id,
          ...event,
          addresses: address === undefined ? [] : [address],
          ...(secrets ? { secrets: [...secrets] } : {}),
        }),
      }),
    authorities: egress.ca_file === null ? [] : [authoritiesIn(egress.ca_file)],
  };
}

function authoritiesIn(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code, message } = asFault(cause, `egress.ca_file ${path}`);
    throw new Fault(code, message, { hint: "correct egress.ca_file", cause });
  }
}
