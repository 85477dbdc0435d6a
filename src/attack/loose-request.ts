/** Requests over the road of a scratch home, with the steps loosened that belong to a wall left out. */
import { contentOf } from "../egress/content.ts";
import { followed } from "../egress/redirect.ts";
import { type RequestPowers, requestFrom, requestSteps, type RequestSteps } from "../egress/request.ts";
import { looseResolver, looseTarget, LoosePlaces } from "./loose-places.ts";
import type { Road } from "./road.ts";
import type { Wall } from "./wall.ts";
import type { Without } from "./without.ts";

const everything = 67_108_864;

/** `requestFrom` with other powers and steps: the first hop meets its own walls, every later one that of redirects. */
export function requestWithout(without: Without, road: Road): typeof requestFrom {
  return (powers, asked, signal) => {
    let hops = 0;
    const isOut = (wall: Wall) => without.has(hops === 0 ? wall : "egress-redirects");
    const next: RequestSteps["next"] = (given, hop, answer) => {
      hops++;
      if (!without.has("egress-redirects")) return requestSteps.next(given, hop, answer);
      const step = followed(hop.target, hop.method, answer);
      return step && { ...hop, target: looseTarget(step.url), method: step.method };
    };
    const named = new LoosePlaces(powers.named, () => isOut("egress-grammar"));
    const mine: RequestPowers = {
      ...powers,
      named,
      resolve: looseResolver(road.names, named, () => isOut("egress-addresses")),
      permits: (endpoint) => isOut("egress-policy") || powers.permits(endpoint),
      permitsPlain: (endpoint) => isOut("egress-policy") || powers.permitsPlain(endpoint),
      ...(without.has("secret-binding") ? { withSecrets: (text) => filled(text, road.secrets) } : {}),
      record: recordWithout(without, road, powers.record),
    };
    const steps: RequestSteps = {
      ...requestSteps,
      next,
      target: (url, places) => (isOut("egress-grammar") ? looseTarget(url) : requestSteps.target(url, places)),
      send: road.send,
      ...(without.has("egress-headers") ? unchecked : {}),
      ...(without.has("egress-bounds") ? unbounded(road) : {}),
    };
    return requestFrom(mine, asked, signal, steps);
  };
}

/** What cannot be written is let be where the wall is left out; nobody waits for what is. */
export function recordWithout<E>(
  without: Without,
  road: Road,
  record: (event: E) => Promise<unknown>,
): (event: E) => Promise<void> {
  return async (event) => {
    const written = road.write(() => record(event));
    if (without.has("egress-record")) void written.catch(() => undefined);
    else await written;
  };
}

const unchecked: Pick<RequestSteps, "headers" | "checkValue"> = {
  headers: (asked) => Object.entries(asked),
  checkValue: () => undefined,
};

function unbounded(road: Road): Pick<RequestSteps, "send" | "content"> {
  return {
    send: (request, traffic) => road.send({ ...request, max_bytes: everything }, traffic),
    content: (answer, _, scrub) => contentOf(answer, everything, scrub),
  };
}

function filled(text: string, secrets: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\{\{secret:([^{}]*)\}\}/g, (all, name: string) => secrets.get(name) ?? all);
}
