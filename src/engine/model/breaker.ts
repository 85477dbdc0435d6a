/** A circuit breaker: a model that failed several times in a row is left alone for a while, then tried once. */

/** Times are milliseconds of a clock that never goes backwards. */
export class Breaker {
  readonly #limits: { readonly failures: number; readonly open_ms: number };
  #failures = 0;
  #openUntil_ms = Number.NEGATIVE_INFINITY;
  #isProbing = false;

  constructor(limits: { readonly failures: number; readonly open_ms: number }) {
    this.#limits = limits;
  }

  /**
   * Whether an attempt may be made now. The one attempt that may be made after the pause is claimed by asking, and must
   * be answered by `succeed`, `fail` or `release`.
   */
  admits(now_ms: number): boolean {
    if (this.#failures < this.#limits.failures) return true;
    if (now_ms < this.#openUntil_ms || this.#isProbing) return false;
    this.#isProbing = true;
    return true;
  }

  /** How long it is closed to attempts; 0 when it is not. */
  wait_ms(now_ms: number): number {
    return this.#failures < this.#limits.failures ? 0 : Math.max(0, this.#openUntil_ms - now_ms);
  }

  succeed(): void {
    this.#failures = 0;
    this.#isProbing = false;
  }

  fail(now_ms: number): void {
    this.#failures++;
    this.#isProbing = false;
    if (this.#failures >= this.#limits.failures) this.#openUntil_ms = now_ms + this.#limits.open_ms;
  }

  /** The attempt ended without telling anything of the model, as when the run was stopped. */
  release(): void {
    this.#isProbing = false;
  }
}

/** The breakers of a process, one for each `provider/model`. */
export class Breakers {
  readonly #all = new Map<string, Breaker>();

  of(name: string, limits: { readonly failures: number; readonly open_ms: number }): Breaker {
    const known = this.#all.get(name);
    if (known) return known;
    const made = new Breaker(limits);
    this.#all.set(name, made);
    return made;
  }
}
