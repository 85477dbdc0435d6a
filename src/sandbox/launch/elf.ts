/** A static executable (ELF-64, System V ABI) of one data and one code segment; neither is both writable and executable. */

const page = 0x10000n; // the largest page of any kernel we run on
const headers = 64 + 2 * 56;
const codeBase = 0x400000n;

/** Where the data segment begins in memory; the file's layout follows from it. */
export const dataAddress = 0x10000000 + headers;

const machine = { "x86-64": 62, aarch64: 183 } as const;

export function executable(architecture: keyof typeof machine, data: Buffer, code: Buffer): Buffer {
  const codeOffset = BigInt((headers + data.length + 15) & ~15);
  // A segment's address and its place in the file must be the same within a page.
  const codeAddress = codeBase + (codeOffset % page);
  const head = Buffer.alloc(headers);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  head.writeUInt16LE(2, 16); // ET_EXEC
  head.writeUInt16LE(machine[architecture], 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(codeAddress, 24);
  head.writeBigUInt64LE(64n, 32); // program headers follow
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(2, 56);
  segment(head, 64, { flags: 6, offset: BigInt(headers), address: BigInt(dataAddress), size: BigInt(data.length) });
  segment(head, 64 + 56, { flags: 5, offset: codeOffset, address: codeAddress, size: BigInt(code.length) });
  const gap = Buffer.alloc(Number(codeOffset) - headers - data.length);
  return Buffer.concat([head, data, gap, code]);
}

function segment(
  head: Buffer,
  at: number,
  what: { readonly flags: number; readonly offset: bigint; readonly address: bigint; readonly size: bigint },
): void {
  head.writeUInt32LE(1, at); // PT_LOAD
  head.writeUInt32LE(what.flags, at + 4);
  for (const [i, value] of [what.offset, what.address, what.address, what.size, what.size, page].entries()) {
    head.writeBigUInt64LE(value, at + 8 + i * 8);
  }
}
