/** The book of the tokens for the road out: issuing, admitting, counting what they use, revoking. It survives a restart. */
import { type Clock, rfc3339, systemClock } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { newId } from "../core/id.ts";
import type { EgressDirection, EgressStore } from "../store/egress.ts";
import {
  type Allowance,
  allowanceOf,
  type Bearer,
  type EgressRequest,
  type Grant,
  mintToken,
  refusalOf,
  verifyToken,
} from "./token.ts";

/** One connection's share of a token. */
export interface Permit {
  /** When the connection must end at the latest, milliseconds since the epoch. */
  readonly expires_ms: number;
  /** Counts bytes that are about to pass; the reason why they may not, or undefined. */
  take(direction: EgressDirection, bytes: number): "used_up" | "token_over" | undefined;
  /** Gives back what was set aside and not used. Once. */
  release(): void;
}

/** What is set aside at a time: at most so much is lost to the count when the process dies. */
const lease_bytes = 262_144;
/** How long a revocation made by another process can go unnoticed by a connection that is open. */
const recheck_ms = 1000;

/** How long a token whose time is up is still listed. */
const listed_ms = 31 * 86_400_000;

/** What the connections of one token have in hand, shared so that none sits on what another one needs. */
interface Purse {
  readonly key: string;
  readonly left: Record<EgressDirection, number>;
  holders: number;
}

export class TokenBook {
  readonly #key: Uint8Array;
  readonly #store: EgressStore;
  readonly #clock: Clock;
  readonly #purses = new Map<string, Purse>();

  /** `key` is 32 secret bytes that last as long as the store. */
  constructor(key: Uint8Array, store: EgressStore, clock: Clock = systemClock) {
    this.#key = key;
    this.#store = store;
    this.#clock = clock;
  }

  /** A new token, to be given to its bearer and kept nowhere; those long over are forgotten. Throws `invalid_argument` and the store's faults. */
  issue(grant: Grant): { readonly id: string; readonly token: string } {
    const id = newId();
    const token = mintToken(this.#key, id, grant);
    const { run, agent, expires_at } = grant;
    this.#store.forget(rfc3339(this.#clock.now() - listed_ms));
    this.#store.insert({ id, run, agent, created_at: this.#now(), expires_at });
    return { id, token };
  }

  /** Throws `unauthenticated` for a token that is not of this book, was changed or revoked, or whose time is up. */
  verify(token: string): Bearer {
    const bearer = verifyToken(this.#key, token);
    const row = this.#store.get(bearer.id);
    if (row && row.revoked_at === null && row.expires_at > this.#now()) return bearer;
    throw new Fault("unauthenticated", "the egress token is over", { hint: "use the token this run was given" });
  }

  /**
   * Counts a connection. Throws `permission_denied` for what a caveat does not cover and `resource_exhausted` when the
   * token has no connection left.
   */
  admit(bearer: Bearer, request: EgressRequest): Permit {
    const refusal = refusalOf(bearer, request, this.#now());
    if (refusal !== undefined)
      throw new Fault("permission_denied", refusal, { hint: "ask for a token that covers it" });
    const allowance = allowanceOf(bearer);
    if (!this.#store.connect(bearer.id, allowance.max_connections, this.#now())) {
      throw new Fault("resource_exhausted", "the token has no connection left", { hint: "ask for another token" });
    }
    return this.#permit(bearer.id, allowance);
  }

  revoke(id: string): boolean {
    return this.#store.revoke(id, this.#now());
  }

  revokeRun(run: string): number {
    return this.#store.revokeRun(run, this.#now());
  }

  #permit(id: string, allowance: Allowance): Permit {
    const purse = this.#purse(id, allowance);
    let isReleased = false;
    let checked_ms = this.#clock.monotonic();
    return {
      expires_ms: Date.parse(allowance.expires_at),
      take: (direction, bytes) => {
        const max = direction === "up" ? allowance.max_bytes_up : allowance.max_bytes_down;
        const isDue = this.#clock.monotonic() - checked_ms >= recheck_ms;
        if (isReleased || this.#now() >= allowance.expires_at || (isDue && !this.#isGood(id))) return "token_over";
        if (isDue) checked_ms = this.#clock.monotonic();
        if (purse.left[direction] < bytes) this.#fill(purse, id, direction, bytes, max);
        if (purse.left[direction] < bytes) return this.#isGood(id) ? "used_up" : "token_over";
        purse.left[direction] -= bytes;
        return undefined;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#putDown(purse, id);
      },
    };
  }

  #fill(purse: Purse, id: string, direction: EgressDirection, bytes: number, max: number | null): void {
    const wanted = Math.max(bytes - purse.left[direction], lease_bytes);
    purse.left[direction] += this.#store.lease(id, direction, wanted, max, this.#now());
  }

  /** Narrowed copies of one token have purses of their own: what one may use another may not. */
  #purse(id: string, { max_bytes_up, max_bytes_down }: Allowance): Purse {
    const key = `${id} ${max_bytes_up} ${max_bytes_down}`;
    const purse = this.#purses.get(key) ?? { key, left: { up: 0, down: 0 }, holders: 0 };
    purse.holders++;
    this.#purses.set(key, purse);
    return purse;
  }

  #putDown(purse: Purse, id: string): void {
    purse.holders--;
    if (purse.holders > 0) return;
    this.#purses.delete(purse.key);
    for (const direction of ["up", "down"] as const) {
      if (purse.left[direction] > 0) this.#store.giveBack(id, direction, purse.left[direction]);
    }
  }

  #isGood(id: string): boolean {
    const row = this.#store.get(id);
    return row !== undefined && row.revoked_at === null && row.expires_at > this.#now();
  }

  #now(): string {
    return rfc3339(this.#clock.now());
  }
}
