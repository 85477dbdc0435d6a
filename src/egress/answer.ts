/** One HTTP/1.1 answer read piece by piece, strictly and within bounds: what two readers could take differently is refused. */
import { Fault } from "../core/fault.ts";

const maxHeadBytes = 32_768;
const maxHeaders = 200;
const maxInterim = 8;
const maxLineBytes = 256;

export type HeaderLine = readonly [name: string, value: string];

export interface Answer {
  readonly status: number;
  /** Names in lower case, in the order they came. */
  readonly headers: readonly HeaderLine[];
  readonly body: Uint8Array;
  /** Whether there was more than was asked for. */
  readonly cut: boolean;
}

type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** Throws `unavailable` for an answer that is malformed. */
export class AnswerReader {
  readonly #method: string;
  readonly #max_bytes: number;
  #pending: Buffer = Buffer.alloc(0);
  #head: { readonly status: number; readonly headers: readonly HeaderLine[]; readonly framing: Framing } | undefined;
  #interim = 0;
  /** Bytes of the chunk that are still to come, its line end not counted; undefined before the line with its size. */
  #chunk: number | undefined;
  readonly #body: Buffer[] = [];
  #size = 0;
  #seen = 0;
  #cut = false;
  #done = false;

  constructor(method: string, max_bytes: number) {
    this.#method = method;
    this.#max_bytes = max_bytes;
  }

  /** Whether the answer is whole, or as long as it may be. */
  get done(): boolean {
    return this.#done;
  }

  push(bytes: Uint8Array): void {
    if (this.#done) return;
    this.#pending = this.#pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#pending, bytes]);
    while (!this.#head) if (!this.#readHead()) return;
    this.#readBody(this.#head.framing);
  }

  /** The connection was closed by the other side. */
  end(): void {
    if (this.#head?.framing.kind === "close") this.#done = true;
    if (!this.#done) throw malformed("the connection was closed before the answer was whole");
  }

  answer(): Answer {
    if (!this.#head || !this.#done) throw new Fault("internal", "the answer is not whole yet");
    const { status, headers } = this.#head;
    return { status, headers, body: Buffer.concat(this.#body), cut: this.#cut };
  }

  /** False while more is needed. */
  #readHead(): boolean {
    const end = this.#pending.indexOf("\r\n\r\n");
    if (end < 0 || end > maxHeadBytes) {
      if (this.#pending.length > maxHeadBytes) throw malformed(`its head has more than ${maxHeadBytes} bytes`);
      return false;
    }
    const [first = "", ...lines] = this.#pending.toString("latin1", 0, end).split("\r\n");
    this.#pending = this.#pending.subarray(end + 4);
    const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r\n\0]*)?$/.exec(first)?.[1]);
    if (!status) throw malformed("its first line is none of HTTP/1.1");
    const headers = headersOf(lines);
    if (status >= 200) {
      this.#head = { status, headers, framing: framingOf(this.#method, status, headers) };
      return true;
    }
    if (status === 101 || ++this.#interim > maxInterim) throw malformed("it goes over to another protocol");
    return this.#readHead();
  }

  #readBody(framing: Framing): void {
    if (framing.kind === "none") this.#done = true;
    else if (framing.kind === "chunked") this.#readChunks();
    else {
      const rest = framing.kind === "length" ? framing.length - this.#seen : Number.POSITIVE_INFINITY;
      this.#take(this.#pending.subarray(0, rest));
      this.#pending = Buffer.alloc(0);
      if (framing.kind === "length" && this.#seen >= framing.length) this.#done = true;
    }
  }

  #readChunks(): void {
    while (!this.#done) {
      if (this.#chunk === undefined) {
        const line = this.#line();
        if (line === undefined) return;
        const [, digits] = /^([0-9a-fA-F]{1,12})(?:[ \t]*;[^\0]*)?$/.exec(line) ?? [];
        if (digits === undefined) throw malformed("the size of a chunk is no number");
        this.#chunk = Number.parseInt(digits, 16);
        if (this.#chunk === 0) {
          // What follows the last chunk is trailers, which nobody asked for.
          this.#done = true;
          return;
        }
      }
      const part = this.#pending.subarray(0, this.#chunk);
      this.#take(part);
      this.#pending = this.#pending.subarray(part.length);
      this.#chunk -= part.length;
      if (this.#done || this.#chunk > 0 || this.#pending.length < 2) return;
      if (this.#pending.toString("latin1", 0, 2) !== "\r\n") throw malformed("a chunk is longer than it says");
      this.#pending = this.#pending.subarray(2);
      this.#chunk = undefined;
    }
  }

  #line(): string | undefined {
    const end = this.#pending.indexOf("\r\n");
    if (end > maxLineBytes || (end < 0 && this.#pending.length > maxLineBytes))
      throw malformed("a chunk's line is too long");
    if (end < 0) return undefined;
    const line = this.#pending.toString("latin1", 0, end);
    this.#pending = this.#pending.subarray(end + 2);
    return line;
  }

  #take(bytes: Buffer): void {
    this.#seen += bytes.length;
    const room = this.#max_bytes - this.#size;
    const kept = bytes.subarray(0, room);
    if (kept.length > 0) this.#body.push(Buffer.from(kept));
    this.#size += kept.length;
    if (bytes.length <= room) return;
    this.#cut = true;
    this.#done = true;
  }
}

function headersOf(lines: readonly string[]): readonly HeaderLine[] {
  if (lines.length > maxHeaders) throw malformed(`it has more than ${maxHeaders} headers`);
  return lines.map((line) => {
    const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}):[ \t]*([^\0\r\n]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw malformed("one of its headers cannot be read");
    return [name.toLowerCase(), value] as const;
  });
}

function framingOf(method: string, status: number, headers: readonly HeaderLine[]): Framing {
  const of = (name: string) => headers.filter(([each]) => each === name).map(([, value]) => value);
  const [codings, lengths] = [of("transfer-encoding"), of("content-length")];
  if (method === "HEAD" || status === 204 || status === 304) return { kind: "none" };
  if (codings.length > 0) {
    if (lengths.length > 0 || codings.length > 1 || codings[0]?.toLowerCase() !== "chunked") {
      throw malformed("it says in two ways where it ends");
    }
    return { kind: "chunked" };
  }
  const [length, ...others] = lengths;
  if (length === undefined) return { kind: "close" };
  if (others.length > 0 || !/^\d{1,15}$/.test(length)) throw malformed("its length is no number");
  return length === "0" || Number(length) === 0 ? { kind: "none" } : { kind: "length", length: Number(length) };
}

function malformed(why: string): Fault {
  return new Fault("unavailable", `the answer cannot be used: ${why}`, { hint: "the server is at fault; try another" });
}
