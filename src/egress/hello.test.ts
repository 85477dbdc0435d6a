/** The reader of TLS hellos against what real clients send, and against everything near it. */
import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { maxHelloWireBytes, readHello } from "./hello.ts";
import { helloFor } from "./testdata/real-hello.ts";

let real: Buffer;
let nameless: Buffer;

beforeAll(async () => {
  real = await helloFor("Site.Example");
  nameless = await helloFor("");
});

/** A hello made by hand, in records of at most `size` bytes. */
function hello(extensions: readonly (readonly [type: number, body: Buffer])[], size = 16_384): Buffer {
  const listed = extensions.map(([type, body]) => Buffer.concat([u16(type), u16(body.length), body]));
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32),
    Buffer.from([0]),
    u16(2),
    u16(0x1301),
    Buffer.from([1, 0]),
    behindLength(Buffer.concat(listed)),
  ]);
  const message = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body]);
  return records(message, size);
}

function records(message: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    parts.push(Buffer.from([22, 3, 1]), u16(fragment.length), fragment);
  }
  return Buffer.concat(parts);
}

const u16 = (n: number) => Buffer.from([n >> 8, n & 255]);
const behindLength = (bytes: Buffer) => Buffer.concat([u16(bytes.length), bytes]);
const named = (...names: readonly string[]) =>
  [
    0,
    behindLength(
      Buffer.concat(names.map((name) => Buffer.concat([Buffer.from([0]), behindLength(Buffer.from(name))]))),
    ),
  ] as const;

const refused = { state: "refused" } as const;
const more = { state: "more" } as const;

describe("a hello", () => {
  test("of a real client is read with its name in lower case, or without one", () => {
    expect(readHello(real)).toEqual({ state: "hello", server_name: "site.example" });
    expect(readHello(nameless)).toEqual({ state: "hello", server_name: undefined });
  });

  test("that is not all here is waited for, at every length", () => {
    for (let length = 0; length < real.length; length++) expect(readHello(real.subarray(0, length))).toEqual(more);
  });

  test("in several records is put together", () => {
    const whole = hello([named("a.example")]);
    const size = Math.ceil((whole.length - 5) / 32);
    for (const each of [1000, 40, size]) {
      expect(readHello(hello([named("a.example")], each))).toEqual({ state: "hello", server_name: "a.example" });
    }
    expect(readHello(hello([named("a.example")], 1))).toEqual(refused);
  });

  test("followed by other records is read, by more of a handshake in its own record not", () => {
    const whole = hello([named("a.example")]);
    expect(readHello(Buffer.concat([whole, Buffer.from([23, 3, 3, 0, 1, 0])])).state).toBe("hello");
    const message = whole.subarray(5);
    expect(readHello(records(Buffer.concat([message, Buffer.from([1, 0, 0, 0])]), 16_384))).toEqual(refused);
  });

  test("with an encrypted hello inside counts by its outer name", () => {
    const ech = [0xfe0d, Buffer.alloc(200, 1)] as const;
    expect(readHello(hello([ech, named("outer.example")]))).toEqual({ state: "hello", server_name: "outer.example" });
  });

  test.each([
    ["two names", [named("a.example", "b.example")]],
    ["two lists of names", [named("a.example"), named("b.example")]],
    ["an empty name", [named("")]],
    ["an empty list", [[0, u16(0)] as const]],
    ["no list", [[0, Buffer.alloc(0)] as const]],
    ["a name with a NUL", [named("a.example\0.evil.example")]],
    ["a name beyond ASCII", [named("ａ.example")]],
    [
      "a name of another kind",
      [[0, behindLength(Buffer.concat([Buffer.from([1]), behindLength(Buffer.from("a.b"))]))] as const],
    ],
    ["bytes behind the list", [[0, Buffer.concat([named("a.example")[1], Buffer.from([0])])] as const]],
    ["an extension twice", [[10, Buffer.alloc(2)] as const, [10, Buffer.alloc(2)] as const, named("a.example")]],
  ])("with %s is refused", (_what, extensions) => {
    expect(readHello(hello(extensions))).toEqual(refused);
  });

  test.each([
    ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
    ["a hello of SSL 2", Buffer.from([0x80, 0x2e, 1, 0, 2])],
    ["an alert", Buffer.from([21, 3, 1, 0, 2, 1, 0])],
    ["a record without content", Buffer.from([22, 3, 1, 0, 0])],
    ["a record of another version", Buffer.from([22, 2, 0, 0, 5])],
    ["a record that is too long", Buffer.from([22, 3, 1, 0x40, 1])],
    ["another message", Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ["a message that is too long", Buffer.from([22, 3, 1, 0, 4, 1, 1, 0, 0])],
  ])("is not %s", (_what, bytes) => {
    expect(readHello(bytes)).toEqual(refused);
  });

  test("never throws, reads past its end or changes its mind, whatever is sent", () => {
    const spoilt = fc.tuple(fc.nat({ max: 2000 }), fc.integer({ min: 0, max: 255 }), fc.nat({ max: 2000 }));
    fc.assert(
      fc.property(spoilt, ([at, byte, length]) => {
        const bytes = Buffer.from(real);
        bytes[at % bytes.length] = byte;
        const early = readHello(bytes.subarray(0, length % bytes.length));
        if (early.state !== "more") expect(readHello(bytes)).toEqual(early);
      }),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void readHello(bytes)));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        (bytes) => void readHello(records(Buffer.from([1, 0, 0, bytes.length & 255, ...bytes]), 50)),
      ),
    );
  });

  test("that is read fits into what is waited for", () => {
    const widest = hello([named("a.example"), [21, Buffer.alloc(16_384 - 4 - 45 - 22)] as const], 520);
    expect(readHello(widest).state).toBe("hello");
    expect(widest.length).toBeLessThanOrEqual(maxHelloWireBytes);
  });
});
