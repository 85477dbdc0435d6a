/** Machine code of x86-64 (Intel SDM volume 2): system calls take rdi rsi rdx r10 r8 r9, the number and result are in rax. */
import type { Assembler, Jump } from "./machine-code.ts";
import type { Argument, Slot } from "./steps.ts";

/** `mov r64, imm64` of each argument register, REX prefix and opcode. */
const immediate = [
  [0x48, 0xbf],
  [0x48, 0xbe],
  [0x48, 0xba],
  [0x49, 0xba],
  [0x49, 0xb8],
  [0x49, 0xb9],
] as const;

/** `mov r32, [rax]` of each argument register. */
const fromRax = [
  [0x8b, 0x38],
  [0x8b, 0x30],
  [0x8b, 0x10],
  [0x44, 0x8b, 0x10],
  [0x44, 0x8b, 0x00],
  [0x44, 0x8b, 0x08],
] as const;

const rax = [0x48, 0xb8] as const;
const rcx = [0x48, 0xb9] as const;

export class X86_64 implements Assembler {
  readonly #code: number[] = [];

  get bytes(): Buffer {
    return Buffer.from(this.#code);
  }

  get here(): number {
    return this.#code.length;
  }

  step(number: number): void {
    this.#code.push(0xbb, ...bytesOf(BigInt(number), 4)); // mov ebx, imm32
  }

  call(number: number, args: readonly Argument[]): void {
    for (const [i, argument] of args.entries()) {
      if (typeof argument === "object" && "value_of" in argument) {
        this.#load(rax, argument.value_of.address);
        this.#code.push(...(fromRax[i] ?? []));
      } else this.#load(immediate[i] ?? rax, typeof argument === "object" ? argument.address : argument);
    }
    this.#load(rax, number);
    this.#code.push(0x0f, 0x05); // syscall
  }

  keep({ address }: Slot): void {
    this.#load(rcx, address);
    this.#code.push(0x89, 0x01); // mov [rcx], eax
  }

  take({ address }: Slot): void {
    this.#load(rax, address);
    this.#code.push(0x8b, 0x00); // mov eax, [rax]
  }

  jumpIfFailed(): Jump {
    this.#code.push(0x48, 0x85, 0xc0); // test rax, rax
    return this.#jump(0x0f, 0x88); // js
  }

  jumpIfSet(): Jump {
    this.#code.push(0x48, 0x85, 0xc0);
    return this.#jump(0x0f, 0x85); // jne
  }

  jumpUnless({ address }: Slot): Jump {
    this.#load(rcx, address);
    this.#code.push(0x3b, 0x01); // cmp eax, [rcx]
    return this.#jump(0x0f, 0x85);
  }

  keepFailure({ address }: Slot): void {
    this.#load(rcx, address);
    this.#code.push(0x89, 0x19); // mov [rcx], ebx
    this.#code.push(0x89, 0x41, 0x04); // mov [rcx + 4], eax
  }

  land(jump: Jump, target: number): void {
    // The distance counts from the end of the four bytes that hold it.
    for (const [i, byte] of bytesOf(BigInt(target - jump - 4), 4).entries()) this.#code[jump + i] = byte;
  }

  #load(register: readonly number[], value: number | bigint): void {
    this.#code.push(...register, ...bytesOf(BigInt(value), 8));
  }

  #jump(...opcode: readonly number[]): Jump {
    this.#code.push(...opcode, 0, 0, 0, 0);
    return this.here - 4;
  }
}

function bytesOf(value: bigint, size: 4 | 8): readonly number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return [...bytes.subarray(0, size)];
}
