/** The two output streams: results to one, words about the work to the other, and colour only where a person looks. */
import { fstatSync, writeSync } from "node:fs";
import type { Paint } from "../../../src/define/command.ts";

export interface Stream {
  readonly terminal: boolean;
  readonly paint: Paint;
  /** Writes all of it. A reader that went away is not an error: what follows is dropped. */
  write(text: string): void;
}

export async function openStream(
  fd: 1 | 2,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Stream> {
  const terminal = await isTerminal(fd);
  const coloured = terminal && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  let open = true;
  return {
    terminal,
    paint: { ...(coloured ? colours : plain), width: terminal ? widthOf(fd) : undefined },
    write(text) {
      if (open) open = writeAll(fd, Buffer.from(terminal || fd === 2 ? harmless(text) : text, "utf8"));
    },
  };
}

/** A serial console says that it is 0 columns wide. */
function widthOf(fd: 1 | 2): number {
  return (fd === 1 ? process.stdout : process.stderr).columns || 80;
}

/** Whether a descriptor is a terminal; `node:tty` is loaded only for a device, since loading it costs milliseconds. */
export async function isTerminal(fd: number): Promise<boolean> {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  return (await import("node:tty")).isatty(fd);
}

function writeAll(fd: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (cause) {
      const name = cause instanceof Error && "code" in cause ? cause.code : undefined;
      if (name === "EPIPE" || name === "EBADF") return false;
      if (name !== "EAGAIN") throw cause;
      // The parent made the descriptor non-blocking: wait for the reader.
      Bun.sleepSync(1);
    }
  }
  return true;
}

type Marks = Omit<Paint, "width">;

const codes = { strong: 1, faint: 2, good: 32, caution: 33, bad: 31 } as const;

function sequence(code: number): (text: string) => string {
  return (text) => `\x1b[${code}m${text}\x1b[0m`;
}

const colours: Marks = {
  strong: sequence(codes.strong),
  faint: sequence(codes.faint),
  good: sequence(codes.good),
  caution: sequence(codes.caution),
  bad: sequence(codes.bad),
};

const same = (text: string): string => text;

const plain: Marks = { strong: same, faint: same, good: same, caution: same, bad: same };

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const control = /\x1b\[(?:0|1|2|31|32|33)m|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text that cannot drive a terminal: control characters other than newline and tab are written as `\xNN`, those that
 * reorder a line or end it as `\uNNNN`. Names of files
 * and answers of models come through here; only the few colour codes above pass.
 */
export function harmless(text: string): string {
  return text.replace(control, (found) => {
    if (found.length > 1) return found;
    const digits = found.charCodeAt(0).toString(16);
    return digits.length > 2 ? `\\u${digits}` : `\\x${digits.padStart(2, "0")}`;
  });
}
