/** Gives an attempt up: when the run is stopped, when no byte comes for too long, or only bytes that say nothing. */

/** Keep-alives alone are taken for life this many times longer than silence. */
const patience = 10;

export class Watch {
  readonly #controller = new AbortController();
  readonly #idle_ms: number;
  readonly #run: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silent_since = performance.now();
  #isExpired = false;

  constructor(run: AbortSignal, idle_ms: number) {
    this.#run = run;
    this.#idle_ms = idle_ms;
    if (run.aborted) this.#controller.abort(run.reason);
    else run.addEventListener("abort", this.#onAbort, { once: true });
    this.touch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the attempt was given up for silence. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Bytes came. */
  touch(): void {
    clearTimeout(this.#timer);
    const rest_ms = this.#silent_since + this.#idle_ms * patience - performance.now();
    this.#timer = setTimeout(() => this.#expire(), Math.min(this.#idle_ms, Math.max(0, rest_ms)));
  }

  /** Something was said. */
  advance(): void {
    this.#silent_since = performance.now();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#run.removeEventListener("abort", this.#onAbort);
    this.#controller.abort();
  }

  readonly #onAbort = () => this.#controller.abort(this.#run.reason);

  #expire(): void {
    this.#isExpired = true;
    this.#controller.abort();
  }
}
