/** Bytes from outside: standard input and named files, with a limit that refuses instead of cutting. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { asFault, Fault } from "../../../src/core/fault.ts";

/** A reader that waits this long for the first byte is told what it waits for. */
const patienceMs = 2000;

/** All of standard input when it is a pipe, a socket or a file; undefined for a terminal, a device or a closed one. */
export async function readStandardInput(
  max_bytes: number,
  what: string,
  signal: AbortSignal,
  note: (line: string) => void,
): Promise<Uint8Array | undefined> {
  if (!isFed(0)) return undefined;
  const patience = setTimeout(
    () => note("waiting for standard input to end; start with </dev/null if there is none"),
    patienceMs,
  );
  const reader = Bun.stdin.stream().getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  const chunks: Uint8Array[] = [];
  try {
    for (let size = 0; ;) {
      const { done, value } = await reader.read();
      if (signal.aborted) throw new Fault("canceled", `interrupted while reading ${what}`);
      if (done) return Buffer.concat(chunks);
      size += value.length;
      if (size > max_bytes) throw tooLarge(what, max_bytes);
      chunks.push(value);
    }
  } finally {
    clearTimeout(patience);
    signal.removeEventListener("abort", stop);
  }
}

function isFed(fd: number): boolean {
  try {
    const facts = fstatSync(fd);
    return facts.isFIFO() || facts.isFile() || facts.isSocket();
  } catch {
    return false;
  }
}

/** A file's bytes. Throws `invalid_argument` when there are more than `max_bytes`, and the system's fault otherwise. */
export function readInputFile(path: string, cwd: string, max_bytes: number, what: string): Uint8Array {
  let fd: number;
  try {
    fd = openSync(resolve(cwd, path), "r");
  } catch (cause) {
    throw asFault(cause, `${what} ${path}`);
  }
  try {
    const facts = fstatSync(fd);
    if (facts.isFile() && facts.size > max_bytes) throw tooLarge(what, max_bytes);
    const chunks: Uint8Array[] = [];
    for (let size = 0; ;) {
      const chunk = new Uint8Array(65_536);
      const read = readSync(fd, chunk);
      if (read === 0) return Buffer.concat(chunks);
      size += read;
      if (size > max_bytes) throw tooLarge(what, max_bytes);
      chunks.push(chunk.subarray(0, read));
    }
  } catch (cause) {
    throw asFault(cause, `${what} ${path}`);
  } finally {
    closeSync(fd);
  }
}

function tooLarge(what: string, max_bytes: number): Fault {
  return new Fault("invalid_argument", `${what} is larger than ${max_bytes} bytes`, {
    hint: "put it into a file of the workspace and name the file in the message",
  });
}
