/**
 * Former contents of many files, kept for one record: small ones one behind the other in a single file, so that keeping
 * thousands costs one fsync; large ones as files of their own, which a file system that can share blocks does not copy.
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { syncDirectory } from "../core/atomic.ts";
import { asFault, Fault } from "../core/fault.ts";
import { contentOf } from "./content.ts";
import { filesPath, type Journal, keptPath } from "./journal.ts";
import type { KeptPlace, Standing, StandingFile } from "./standing.ts";

type Kept = Pick<StandingFile, "sha256" | "size" | "kept">;

const largeBytes = 1_048_576;

/** Contents on their way into the undo area; `finish` makes them durable, `discard` leaves nothing of them. */
export class Keeping {
  readonly #pack: string;
  readonly #files: string;
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(largeBytes);
  readonly #file = Buffer.allocUnsafe(largeBytes + 1);
  #filled = 0;
  #offset = 0;
  #large = 0;

  /** Makes the file of the small ones at once, so that the record's number is taken. */
  constructor(journal: Journal, number: number, pack: string = keptPath(journal, number)) {
    this.#pack = pack;
    this.#files = filesPath(journal, number);
    this.#fd = openSync(pack, "ax", 0o600);
  }

  /** Keeps the content of an open file, however many bytes it has by now. */
  keep(source: number, size: number): Kept {
    if (size >= largeBytes) return this.#keepLarge(source);
    let have = 0;
    for (let got = -1; got !== 0 && have < this.#file.length; have += got) {
      got = readSync(source, this.#file, have, this.#file.length - have, have);
    }
    // It grew while it was looked at.
    if (have > largeBytes) return this.#keepLarge(source);
    return this.#add(this.#file.subarray(0, have));
  }

  finish(): void {
    this.#flush();
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    if (this.#large > 0) syncDirectory(this.#files);
  }

  discard(): void {
    try {
      closeSync(this.#fd);
    } finally {
      rmSync(this.#files, { recursive: true, force: true });
      unlinkSync(this.#pack);
    }
  }

  #add(bytes: Uint8Array): Kept {
    if (this.#filled + bytes.length > this.#buffer.length) this.#flush();
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
    const kept = { in: "pack", offset: this.#offset } as const;
    this.#offset += bytes.length;
    return { sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"), size: bytes.length, kept };
  }

  #flush(): void {
    for (let at = 0; at < this.#filled;) at += writeSync(this.#fd, this.#buffer, at, this.#filled - at);
    this.#filled = 0;
  }

  #keepLarge(source: number): Kept {
    if (this.#large === 0) mkdirSync(this.#files, { mode: 0o700 });
    const name = String(this.#large++);
    const path = join(this.#files, name);
    copyFileSync(`/proc/self/fd/${source}`, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    chmodSync(path, 0o600);
    const fd = openSync(path, "r");
    try {
      fsyncSync(fd);
      return { ...contentOf(fd), kept: { in: "files", name } };
    } finally {
      closeSync(fd);
    }
  }
}

/**
 * Carries the kept contents of some standings from a pack into the record's own place, and returns the standings with
 * where they are then. Durable when it returns; the pack may go.
 */
export function retain(
  journal: Journal,
  number: number,
  pack: string,
  standings: readonly (Standing | null)[],
): readonly (Standing | null)[] {
  // One may be left of a settling that was cut off.
  const target = openSync(keptPath(journal, number), "w", 0o600);
  const source = openSync(pack, "r");
  try {
    let offset = 0;
    const moved = standings.map((standing) => {
      if (standing?.type !== "file" || standing.kept?.in !== "pack") return standing;
      const { size, kept } = standing;
      const bytes = Buffer.allocUnsafe(size);
      readFully(source, bytes, kept.offset);
      for (let at = 0; at < size;) at += writeSync(target, bytes, at, size - at, offset + at);
      const place = { in: "pack", offset } as const;
      offset += size;
      return { ...standing, kept: place };
    });
    fsyncSync(target);
    return moved;
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

/** Runs `act` with the kept content of a file and where it begins. Throws `data_loss` unless it is what was kept. */
export function withKept<T>(
  journal: Journal,
  number: number,
  file: StandingFile,
  act: (fd: number, offset: number) => T,
): T {
  const { path, offset } = locate(journal, number, file.kept);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (!existsSync(path)) throw damaged(path, cause);
    throw asFault(cause, path);
  }
  try {
    const { sha256, size } = contentOf(fd, file.size, offset);
    if (sha256 !== file.sha256 || size !== file.size) throw damaged(path);
    return act(fd, offset);
  } finally {
    closeSync(fd);
  }
}

function locate(
  journal: Journal,
  number: number,
  kept: KeptPlace | null,
): { readonly path: string; readonly offset: number } {
  if (kept === null) throw new Fault("internal", "nothing was kept of this file");
  if (kept.in === "pack") return { path: keptPath(journal, number), offset: kept.offset };
  return { path: join(filesPath(journal, number), kept.name), offset: 0 };
}

function readFully(fd: number, bytes: Buffer, offset: number): void {
  for (let have = 0; have < bytes.length;) {
    const got = readSync(fd, bytes, have, bytes.length - have, offset + have);
    if (got === 0) throw new Fault("data_loss", "kept contents end too early", { hint: "restore from a backup" });
    have += got;
  }
}

function damaged(path: string, cause?: unknown): Fault {
  return new Fault("data_loss", `${path} is damaged`, { hint: "restore it from a backup", cause });
}
