/** The body of an answer as a tool gives it on: unpacked within bounds, as text where it is text, without secrets, cut last. */
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { Fault } from "../core/fault.ts";
import { codePointBoundary, cut, fromUtf8 } from "../core/text.ts";
import type { Answer, HeaderLine } from "./answer.ts";

/** Takes secrets out of text; see the vault's scrubber. */
export interface Scrub {
  text(text: string): string;
  /** Of a text that was cut off: without an end in which a secret may have begun. */
  beginning(text: string): string;
}

export interface Content {
  readonly body: string;
  /** `withheld`: bytes that are no text and hold a secret. */
  readonly encoding: "text" | "base64" | "withheld";
  /** Bytes of the body after unpacking, as far as it was read. */
  readonly bytes: number;
  readonly truncated: boolean;
}

/**
 * At most `max_bytes` of the body, as UTF-8 text or bytes. Throws `failed_precondition` for a packing that is not
 * understood and `unavailable` for one that is broken.
 */
export async function contentOf(answer: Answer, max_bytes: number, scrub: Scrub): Promise<Content> {
  const { bytes, cut: isCut } = await unpack(answer, max_bytes);
  const clean = (text: string) => (isCut ? scrub.beginning(text) : scrub.text(text));
  const text = textOf(bytes, isCut, headerOf(answer.headers, "content-type"));
  if (text !== undefined) {
    const shown = cut(clean(text), max_bytes);
    return { body: shown.text, encoding: "text", bytes: bytes.length, truncated: shown.truncated || isCut };
  }
  const whole = Buffer.from(bytes).toString("base64");
  const body = clean(whole);
  // A label in the middle of base64 would leave it unreadable.
  if (!whole.startsWith(body)) return { body: "", encoding: "withheld", bytes: bytes.length, truncated: isCut };
  return {
    body: body.slice(0, body.length - (body.length % 4)),
    encoding: "base64",
    bytes: bytes.length,
    truncated: isCut,
  };
}

export function headerOf(headers: readonly HeaderLine[], name: string): string | undefined {
  return headers.find(([each]) => each === name)?.[1];
}

interface Unpacked {
  readonly bytes: Uint8Array;
  readonly cut: boolean;
}

const unpackers = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

async function unpack({ headers, body, cut: isCut }: Answer, max_bytes: number): Promise<Unpacked> {
  const packings = headers.filter(([name]) => name === "content-encoding").map(([, value]) => value.toLowerCase());
  const packing = packings.join(", ");
  if (packing === "" || packing === "identity" || body.length === 0) return { bytes: body, cut: isCut };
  if (!Object.hasOwn(unpackers, packing)) {
    throw new Fault("failed_precondition", `the answer is packed as ${JSON.stringify(packing.slice(0, 60))}`, {
      hint: "gzip, deflate and br are understood, one of them at a time",
    });
  }
  const unpacker = unpackers[packing as keyof typeof unpackers]();
  const { promise, resolve, reject } = Promise.withResolvers<Unpacked>();
  const parts: Buffer[] = [];
  let size = 0;
  const finish = (more: boolean) => resolve({ bytes: Buffer.concat(parts).subarray(0, max_bytes), cut: more || isCut });
  unpacker.on("data", (part: Buffer) => {
    parts.push(part);
    size += part.length;
    if (size <= max_bytes) return;
    finish(true);
    unpacker.destroy();
  });
  unpacker.on("end", () => finish(false));
  unpacker.on("error", (cause) => {
    // What was cut off on the way ends in the middle of a block.
    if (isCut) return finish(true);
    reject(new Fault("unavailable", `the answer says it is ${packing} and cannot be unpacked`, { cause }));
  });
  unpacker.end(body);
  return promise;
}

/** By the charset that is named, else as UTF-8; undefined for bytes that are no text. */
function textOf(bytes: Uint8Array, isCut: boolean, type = ""): string | undefined {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1]?.toLowerCase();
  if (charset !== undefined && latin.has(charset) && isTextual(type)) return new TextDecoder("latin1").decode(bytes);
  const whole = isCut ? bytes.subarray(0, codePointBoundary(bytes, lastLead(bytes))) : bytes;
  const text = fromUtf8(whole);
  return text === undefined || text.includes("\0") ? undefined : text.replace(/^\ufeff/, "");
}

const latin: ReadonlySet<string> = new Set(["iso-8859-1", "latin1", "windows-1252", "cp1252", "iso8859-1"]);

function isTextual(type: string): boolean {
  return /^\s*(?:text\/|application\/(?:[\w.+-]*\+)?(?:json|xml|javascript|x-www-form-urlencoded)\b)/i.test(type);
}

/** Where the last character may have been cut in the middle: at most three bytes before the end. */
function lastLead(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? bytes.length - back : bytes.length;
    if (byte < 0x80) return bytes.length;
  }
  return bytes.length;
}
