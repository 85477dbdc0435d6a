/** The name a TLS client asks for, read from its first message before a byte of it goes anywhere (RFC 8446, RFC 6066). */

/** `more`: not all of it is here yet. `refused`: it is no ClientHello, or one that can be read in two ways. */
export type Hello =
  | { readonly state: "more" }
  | { readonly state: "refused" }
  | { readonly state: "hello"; readonly server_name: string | undefined };

/** The largest message that is read; those with post-quantum keys have about 2 KiB. */
const maxHelloBytes = 16_384;
const maxRecords = 32;

/** All that one ClientHello in the most records takes. */
export const maxHelloWireBytes = maxHelloBytes + 5 * maxRecords;

const more: Hello = { state: "more" };
const refused: Hello = { state: "refused" };

/** `bytes` is everything since the connection began. An encrypted inner hello is not looked for: the outer name counts. */
export function readHello(bytes: Uint8Array): Hello {
  const fragments: Uint8Array[] = [];
  let size = 0;
  for (let at = 0, records = 0; at < bytes.length; records++) {
    const [type = 22, major = 3, minor = 1, high, low] = bytes.subarray(at, at + 5);
    if (records === maxRecords || type !== 22 || major !== 3 || minor < 1 || minor > 3) return refused;
    if (high === undefined || low === undefined) return more;
    const length = high * 256 + low;
    if (length === 0 || length > maxHelloBytes) return refused;
    const fragment = bytes.subarray(at + 5, at + 5 + length);
    fragments.push(fragment);
    size += fragment.length;
    at += 5 + length;
    const whole = helloLength(fragments);
    if (whole !== undefined && (whole > maxHelloBytes || fragments[0]?.[0] !== 1)) return refused;
    if (whole !== undefined && size >= whole) {
      // More than the hello in its last record would be a second message nobody has looked at.
      return size === whole && fragment.length === length ? nameOf(Buffer.concat(fragments)) : refused;
    }
  }
  return more;
}

/** Length of the whole message with its 4 bytes of header, once those are here. */
function helloLength(fragments: readonly Uint8Array[]): number | undefined {
  const [, a, b, c] = fragments.flatMap((fragment) => [...fragment.subarray(0, 4)]);
  return a === undefined || b === undefined || c === undefined ? undefined : 4 + a * 65_536 + b * 256 + c;
}

function nameOf(hello: Uint8Array): Hello {
  const reader = new Reader(hello.subarray(4));
  reader.skip(2 + 32);
  const session = reader.vector(1);
  const suites = reader.vector(2);
  const compression = reader.vector(1);
  if (!session || session.length > 32 || !suites || suites.length < 2 || suites.length % 2 || !compression?.length)
    return refused;
  if (reader.isAtEnd) return { state: "hello", server_name: undefined };
  const extensions = reader.vector(2);
  if (!extensions || !reader.isAtEnd) return refused;
  return nameIn(new Reader(extensions));
}

function nameIn(extensions: Reader): Hello {
  const seen = new Set<number>();
  let server_name: string | undefined;
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type === undefined || body === undefined || seen.has(type)) return refused;
    seen.add(type);
    if (type === 0) {
      server_name = soleName(body);
      if (server_name === undefined) return refused;
    }
  }
  return { state: "hello", server_name };
}

/** The list of names holds one host name and nothing else. */
function soleName(body: Uint8Array): string | undefined {
  const outer = new Reader(body);
  const list = outer.vector(2);
  if (!list || !outer.isAtEnd) return undefined;
  const inner = new Reader(list);
  const type = inner.number(1);
  const name = inner.vector(2);
  if (type !== 0 || !name?.length || !inner.isAtEnd) return undefined;
  const text = Buffer.from(name).toString("latin1");
  return /^[A-Za-z0-9.-]{1,253}$/.test(text) ? text.toLowerCase() : undefined;
}

/** Reads big-endian numbers and vectors behind their length; undefined once something does not fit. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  skip(length: number): void {
    this.#at += length;
  }

  number(size: 1 | 2): number | undefined {
    if (this.#at + size > this.#bytes.length) return undefined;
    const [a = 0, b = 0] = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    return size === 1 ? a : a * 256 + b;
  }

  vector(size: 1 | 2): Uint8Array | undefined {
    const length = this.number(size);
    if (length === undefined || this.#at + length > this.#bytes.length) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
