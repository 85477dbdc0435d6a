/** Machine code of aarch64 (Arm ARM, C6.2): system calls take x0 to x5, the number is in x8, the result in x0. */
import { Fault } from "../../core/fault.ts";
import type { Assembler, Jump } from "./machine-code.ts";
import type { Argument, Slot } from "./steps.ts";

/** Registers of ours that the kernel leaves alone. */
const scratch = 9;
const compared = 10;
const stepNumber = 19;

const condition = { equal_not: 0x1, less: 0xb } as const;

export class Aarch64 implements Assembler {
  readonly #code: number[] = [];

  get bytes(): Buffer {
    const bytes = Buffer.alloc(this.here);
    for (const [i, instruction] of this.#code.entries()) bytes.writeUInt32LE(instruction >>> 0, i * 4);
    return bytes;
  }

  get here(): number {
    return this.#code.length * 4;
  }

  step(number: number): void {
    this.#load(stepNumber, number);
  }

  call(number: number, args: readonly Argument[]): void {
    for (const [register, argument] of args.entries()) {
      if (typeof argument === "object" && "value_of" in argument) {
        this.#load(scratch, argument.value_of.address);
        this.#code.push(0xb9400000 | (scratch << 5) | register); // ldr wN, [x9]
      } else this.#load(register, typeof argument === "object" ? argument.address : argument);
    }
    this.#load(8, number);
    this.#code.push(0xd4000001); // svc #0
  }

  keep({ address }: Slot): void {
    this.#load(scratch, address);
    this.#code.push(0xb9000000 | (scratch << 5)); // str w0, [x9]
  }

  take({ address }: Slot): void {
    this.#load(scratch, address);
    this.#code.push(0xb9400000 | (scratch << 5)); // ldr w0, [x9]
  }

  jumpIfFailed(): Jump {
    this.#code.push(0xf100001f); // cmp x0, #0
    return this.#jump(condition.less);
  }

  jumpIfSet(): Jump {
    this.#code.push(0xf100001f);
    return this.#jump(condition.equal_not);
  }

  jumpUnless({ address }: Slot): Jump {
    this.#load(scratch, address);
    this.#code.push(0xb9400000 | (scratch << 5) | compared); // ldr w10, [x9]
    this.#code.push(0x6b00001f | (compared << 16)); // cmp w0, w10
    return this.#jump(condition.equal_not);
  }

  keepFailure({ address }: Slot): void {
    this.#load(scratch, address);
    this.#code.push(0xb9000000 | (scratch << 5) | stepNumber); // str w19, [x9]
    this.#code.push(0xb9000000 | (1 << 10) | (scratch << 5)); // str w0, [x9, #4]
  }

  land(jump: Jump, target: number): void {
    const distance = (target - jump) / 4;
    if (Math.abs(distance) >= 1 << 18)
      throw new Fault("resource_exhausted", "the launch program is too long to jump through");
    this.#code[jump / 4] = (this.#code[jump / 4] ?? 0) | ((distance & 0x7ffff) << 5);
  }

  /** movz and movk, sixteen bits each. */
  #load(register: number, value: number | bigint): void {
    const bits = BigInt.asUintN(64, BigInt(value));
    for (const part of [0, 1, 2, 3]) {
      const half = Number((bits >> BigInt(part * 16)) & 0xffffn);
      if (part === 0 || half !== 0)
        this.#code.push((part === 0 ? 0xd2800000 : 0xf2800000) | (part << 21) | (half << 5) | register);
    }
  }

  #jump(when: number): Jump {
    this.#code.push(0x54000000 | when); // b.cond
    return this.here - 4;
  }
}
