/** Waiting for many files at once. */
import { dlopen } from "bun:ffi";

/**
 * Makes everything on the file system of an open descriptor durable, syncfs(2), for which Node has no call. False where
 * the C library cannot be called or refuses: the files must be waited for one by one then.
 */
export function syncFileSystem(fd: number): boolean {
  call ??= load();
  return call(fd) === 0;
}

let call: ((fd: number) => number) | undefined;

function load(): (fd: number) => number {
  try {
    return dlopen("libc.so.6", { syncfs: { args: ["i32"], returns: "i32" } }).symbols.syncfs;
  } catch (thrown) {
    // Another C library, or a system that lets no process make code.
    if (!(thrown instanceof Error)) throw thrown;
    return () => -1;
  }
}
