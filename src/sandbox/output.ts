/** Keeps the beginning and the end of what a program says, and counts all of it. */
import { cut } from "../core/text.ts";

export interface Kept {
  readonly text: string;
  readonly truncated: boolean;
}

export class Output {
  readonly #keep_bytes: number;
  #first = Buffer.alloc(0);
  #last = Buffer.alloc(0);
  /** Bytes seen so far. */
  total = 0;

  constructor(keep_bytes: number) {
    this.#keep_bytes = keep_bytes;
  }

  add(chunk: Uint8Array): void {
    this.total += chunk.length;
    const half = this.#keep_bytes >> 1;
    const room = this.#keep_bytes - half - this.#first.length;
    if (room > 0) this.#first = Buffer.concat([this.#first, chunk.subarray(0, room)]);
    const rest = chunk.subarray(Math.max(room, 0));
    if (rest.length === 0) return;
    this.#last = Buffer.concat([this.#last, rest]);
    // Let it grow to twice its share, so that not every small chunk copies it.
    if (this.#last.length > half * 2) this.#last = Buffer.from(this.#last.subarray(this.#last.length - half));
  }

  /** What was kept as text: bytes that are no UTF-8 are replaced, no character is cut, and what is left out is said. */
  kept(): Kept {
    const half = this.#keep_bytes >> 1;
    const last = this.#last.subarray(Math.max(0, this.#last.length - half));
    const left_out = this.total - this.#first.length - last.length;
    if (left_out === 0) return { text: Buffer.concat([this.#first, last]).toString("utf8"), truncated: false };
    const head = cut(this.#first.toString("utf8").replace(/�+$/, ""), this.#keep_bytes).text;
    const tail = last.toString("utf8").replace(/^�+/, "");
    return { text: `${head}\n[... ${left_out} bytes left out ...]\n${tail}`, truncated: true };
  }
}
