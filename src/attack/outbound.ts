/** What attacks by requests have in common: an agent that asks, and what stood at the other end afterwards. */
import type { Json } from "../core/canonical.ts";
import { base64 } from "../crypto/hash.ts";
import { randomBytes } from "../crypto/random.ts";
import type { CallResult } from "../engine/result.ts";
import type { Attack } from "./attack.ts";
import type { Ground } from "./ground.ts";
import { answer, type Host } from "./road.ts";

export type Member = Omit<Attack, "area">;

export type Input = { readonly [key: string]: Json };

/** An address inside, where names are led to. */
export const inside = "10.0.0.1";

export function ask(ground: Ground, input: Input, who = "roamer"): Promise<CallResult> {
  return ground.as(who, "http.request", { timeout_ms: 5000, ...input });
}

/** The n-th connection that brings a request is given the n-th answer, and the last one again after that. */
export function answering(ground: Ground, ...answers: readonly Uint8Array[]): Host {
  return (socket, arrival) => {
    if (!/^[A-Z]+ /.test(arrival.text)) socket.end("no http");
    else if (arrival.text.includes("\r\n\r\n")) {
      const number = ground.road.arrivals.indexOf(arrival);
      socket.end(answers[Math.min(number, answers.length - 1)] ?? answer(200, {}));
    }
  };
}

/** Puts a secret into the vault, bound to these hosts, unless it is there; its value. */
export async function secretFor(ground: Ground, key: string, hosts: readonly string[], tail = ""): Promise<string> {
  const { secrets } = ground.road;
  const value = secrets.get(key) ?? `bound-${base64(randomBytes(12))}${tail}`;
  if (secrets.has(key)) return value;
  const set = { key, value, allow: hosts.map((host) => `host:${host}`) };
  const result = await ground.operate("secrets.set", set);
  if (!result.ok) throw new Error(`the secret ${key} cannot be set: ${result.fault.message}`);
  secrets.set(key, value);
  return value;
}
