/** The two system calls the runtime has no name for: a file that is only in memory, and what Landlock this kernel has. */
import { closeSync, writeSync } from "node:fs";
import { dlopen, FFIType, ptr } from "bun:ffi";
import { Fault } from "../core/fault.ts";
import { architectureOf, syscallNumber } from "./syscalls.ts";

const signatures = {
  memfd_create: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  syscall: { args: [FFIType.i64, FFIType.i64, FFIType.i64, FFIType.i64], returns: FFIType.i64 },
} as const;

/** Names of the C library, glibc's and musl's. */
const libraries = ["libc.so.6", "libc.so"];

type Library = ReturnType<typeof dlopen<typeof signatures>>["symbols"];
let opened: Library | undefined;

function library(): Library {
  let why: unknown;
  for (const name of libraries) {
    if (opened) break;
    try {
      opened = dlopen(name, signatures).symbols;
    } catch (cause) {
      why = cause;
    }
  }
  if (opened) return opened;
  throw new Fault("unavailable", "the C library could not be opened, so no sandbox can be built", { cause: why });
}

const MFD_CLOEXEC = 1;
const MFD_EXEC = 0x10;

/** A file in memory that holds `bytes`, read from its start; the caller closes it. Throws `unavailable` without one. */
export function memoryFile(name: string, bytes: Uint8Array, options: { readonly executable: boolean }): number {
  const { memfd_create } = library();
  const text = ptr(Buffer.from(`${name}\0`, "utf8"));
  // Kernels before 6.3 do not know MFD_EXEC, and their files are executable without it.
  const wanted = options.executable ? [MFD_CLOEXEC | MFD_EXEC, MFD_CLOEXEC] : [MFD_CLOEXEC];
  const fd = wanted.reduce((found, flags) => (found >= 0 ? found : memfd_create(text, flags)), -1);
  if (fd < 0) throw new Fault("unavailable", "the kernel gave no file in memory, so no sandbox can be built");
  try {
    // Written by position, so that whoever inherits the descriptor reads from the start.
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

/** The version of Landlock's interface; 0 where the kernel has none or it is switched off. */
export function landlockVersion(): number {
  const architecture = architectureOf();
  if (!architecture) return 0;
  const asksVersion = 1n;
  const number = BigInt(syscallNumber(architecture, "landlock_create_ruleset"));
  const version = Number(library().syscall(number, 0n, 0n, asksVersion));
  return Math.max(version, 0);
}
