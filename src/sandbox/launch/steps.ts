/**
 * What is done between a spawn and the program it is for, as a list of system calls: drop the user, enter a control group,
 * set limits, restrict the file system, filter system calls, execute. A runtime takes 13 ms to do the same and brings its
 * own memory into the sandbox; the list is turned into a few hundred bytes of machine code instead, see `program.ts`.
 */
import type { SyscallName } from "../syscalls.ts";

/** A place of the data segment, by its address. */
export interface Slot {
  readonly address: number;
}

/** A constant, the address of data, or what an earlier call left in a slot (32 bits). */
export type Argument = number | bigint | Slot | { readonly value_of: Slot };

export type Step =
  | {
      readonly call: SyscallName;
      readonly arguments: readonly Argument[];
      /** Where the result goes, as 32 bits. */
      readonly keep?: Slot;
      /** A failure ends the launch unless it is tolerated. */
      readonly tolerate?: true;
    }
  /** The child goes another way and never comes back; its process number is kept. */
  | { readonly fork: readonly Step[]; readonly keep: Slot }
  /** Goes on only if both slots hold the same 32 bits. */
  | { readonly check: Slot; readonly equals: Slot }
  /** Reaps every child until that one has ended, reports how, and ends itself, and with it a namespace it is the first of. */
  | { readonly reap: Slot };

/**
 * The report on the status descriptor, once or (from parent and child) twice: two 32-bit numbers in the byte order of the
 * machine. `ended` and the wait status of wait(2); or the number of the step that failed, from 0, and its negative errno.
 */
export const ended = 0xfffffffe;

/** Grows the data segment; addresses are final at once. */
export class Segment {
  readonly #base: number;
  #bytes = Buffer.alloc(4096);
  #used = 0;

  constructor(base: number) {
    this.#base = base;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }

  /** Copies the bytes, on a boundary of 8. */
  put(bytes: Uint8Array): Slot {
    const at = (this.#used + 7) & ~7;
    while (at + bytes.length > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    this.#bytes.set(bytes, at);
    this.#used = at + bytes.length;
    return { address: this.#base + at };
  }

  /** A C string. Its text holds no NUL; that is checked where it came from. */
  text(value: string): Slot {
    return this.put(Buffer.from(`${value}\0`, "utf8"));
  }

  /** An array of pointers that ends with a null pointer. */
  pointers(slots: readonly Slot[]): Slot {
    return this.words([...slots.map(({ address }) => address), 0]);
  }

  /** 64-bit numbers in a row. */
  words(values: readonly (number | bigint)[]): Slot {
    const bytes = Buffer.alloc(values.length * 8);
    for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), i * 8);
    return this.put(bytes);
  }

  /** Zeroes. */
  space(size_bytes: number): Slot {
    return this.put(Buffer.alloc(size_bytes));
  }
}
