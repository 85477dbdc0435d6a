/** What an architecture must be able to say in machine code for a launch; jumps are patched when their target is known. */
import type { Argument, Slot } from "./steps.ts";

/** A jump whose target is not known yet. */
export type Jump = number;

export interface Assembler {
  /** The code so far. */
  readonly bytes: Buffer;
  /** Where the next instruction goes, in bytes from the start. */
  readonly here: number;
  /** Remembers the number of the step, for the report of a failure. */
  step(number: number): void;
  /** Makes a system call; its result stays in the result register. */
  call(number: number, args: readonly Argument[]): void;
  /** Writes the lower half of the result register to a slot. */
  keep(slot: Slot): void;
  /** Puts what a slot holds, 32 bits, into the result register. */
  take(slot: Slot): void;
  jumpIfFailed(): Jump;
  /** Jumps when the result is not zero. */
  jumpIfSet(): Jump;
  /** Jumps when the lower half of the result is not what the slot holds. */
  jumpUnless(slot: Slot): Jump;
  /** Writes the number of the step and the result to a slot, as two 32-bit numbers. */
  keepFailure(slot: Slot): void;
  /** Makes a jump go to `target`. */
  land(jump: Jump, target: number): void;
}
