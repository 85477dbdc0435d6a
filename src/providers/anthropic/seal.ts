/**
 * A running checksum of what is sent, by which a change in it is noticed. It guards against sending thinking back in the
 * wrong place, which the provider checks by itself; it is no defence against anyone.
 */
import type { Json } from "../../core/canonical.ts";

export class Seal {
  #high = 0xdeadbeef;
  #low = 0x41c6ce57;

  constructor(seed: Json) {
    this.#mix(JSON.stringify(seed));
  }

  add(role: string, block: Json): void {
    this.#mix(`${role}${JSON.stringify(block)}`);
  }

  get value(): string {
    return `${(this.#high >>> 0).toString(16)}-${(this.#low >>> 0).toString(16)}`;
  }

  /** Two multiplicative hashes side by side, over UTF-16 code units and the length. */
  #mix(text: string): void {
    let [high, low] = [this.#high ^ text.length, this.#low];
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      high = Math.imul(high ^ unit, 2_654_435_761);
      low = Math.imul(low ^ unit, 1_597_334_677);
    }
    this.#high = high ^ (high >>> 15);
    this.#low = low ^ (low >>> 13);
  }
}
