/** The first message of TLS clients as an attack wants it: names, extensions and records as they please. */

type Extension = readonly [type: number, body: Buffer];

export interface HelloShape {
  /** Bytes of the message in one record. */
  readonly record_bytes?: number;
  /** What the records hold behind the message. */
  readonly behind?: Buffer;
}

export function helloWith(
  extensions: readonly Extension[],
  { record_bytes = 16_384, behind }: HelloShape = {},
): Buffer {
  const listed = extensions.map(([type, body]) => Buffer.concat([u16(type), behindLength(body)]));
  const suites = [u16(2), u16(0x1301), Buffer.from([1, 0])];
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    ...suites,
    behindLength(Buffer.concat(listed)),
  ]);
  const message = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body]);
  return inRecords(behind ? Buffer.concat([message, behind]) : message, record_bytes);
}

/** The extension with these names. */
export function named(...names: readonly string[]): Extension {
  const each = names.map((name) => Buffer.concat([Buffer.from([0]), behindLength(Buffer.from(name, "latin1"))]));
  return [0, behindLength(Buffer.concat(each))];
}

/** What an encrypted inner hello looks like from outside. */
export const encrypted: Extension = [0xfe0d, Buffer.alloc(200, 1)];

export function helloFor(name: string): Buffer {
  return helloWith([named(name)]);
}

function inRecords(message: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    parts.push(Buffer.from([22, 3, 1]), behindLength(message.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

function u16(n: number): Buffer {
  return Buffer.from([n >> 8, n & 255]);
}

function behindLength(bytes: Buffer): Buffer {
  return Buffer.concat([u16(bytes.length), bytes]);
}
