/** The table of refused system calls as engines for containers read it (OCI runtime specification, Linux, seccomp). */
import type { Json } from "../core/canonical.ts";
import { type Condition, type FilterKind, refusals } from "./seccomp.ts";
import { type Architecture, findSyscall } from "./syscalls.ts";

const architectures = { "x86-64": "SCMP_ARCH_X86_64", aarch64: "SCMP_ARCH_AARCH64" } as const;

/**
 * A call is refused when any of its entries holds. Other architectures end the process. That newer calls do not exist
 * cannot be said in this form; the filter that the program is given inside says it.
 */
export function ociProfile(architecture: Architecture, kind: FilterKind): Json {
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: [architectures[architecture]],
    syscalls: refusals(kind)
      .filter(({ call }) => findSyscall(architecture, call) !== undefined)
      .flatMap(({ call, errno, when }) =>
        comparisons(when).map((args) => ({ names: [call], action: "SCMP_ACT_ERRNO", errnoRet: errno, args })),
      ),
  };
}

const whole = 0xffffffff;

/** The condition as alternatives of one comparison each: two for the same argument in one entry mean different things to different engines. */
function comparisons(when: Condition | null): readonly Json[] {
  if (when === null) return [[]];
  // Only masks reach the lower half alone: other comparisons see 64 bits, of which the kernel drops half.
  const masked = (mask: number, equals: number): Json => [
    { index: when.argument, value: mask, valueTwo: equals, op: "SCMP_CMP_MASKED_EQ" },
  ];
  if ("any_bit" in when) return bitsOf(when.any_bit).map((bit) => masked(bit, bit));
  if ("one_of" in when) return when.one_of.map((value) => masked(whole, value));
  return others(when.none_of, 31, 0, 0).map(({ mask, equals }) => masked(mask, equals));
}

function bitsOf(mask: number): readonly number[] {
  return Array.from({ length: 32 }, (_, i) => 2 ** i).filter((bit) => (mask & bit) !== 0);
}

interface Block {
  readonly mask: number;
  readonly equals: number;
}

/** The blocks of 32-bit numbers, by their leading bits, that hold none of `values`; all of those begin with `equals`. */
function others(values: readonly number[], bit: number, mask: number, equals: number): readonly Block[] {
  if (values.length === 0) return [{ mask, equals }];
  if (bit < 0) return [];
  const weight = 2 ** bit;
  const isSet = (value: number): boolean => Math.floor(value / weight) % 2 === 1;
  return [
    ...others(
      values.filter((value) => !isSet(value)),
      bit - 1,
      mask + weight,
      equals,
    ),
    ...others(values.filter(isSet), bit - 1, mask + weight, equals + weight),
  ];
}
