import { expect, test } from "bun:test";
import { argon2id as nobleArgon2id } from "@noble/hashes/argon2.js";
import { hkdf as nobleHkdf } from "@noble/hashes/hkdf.js";
import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { argon2Bounds, argon2id, argon2idUnbounded, hkdfSha256, hmacSha256 } from "./kdf.ts";

const hex = (text: string) => Uint8Array.fromHex(text);
const counting = (from: number, length: number) => Uint8Array.from({ length }, (_, i) => from + i);

// RFC 5869 appendix A, test cases 1 to 3
const hkdfCases = [
  {
    key: new Uint8Array(22).fill(0x0b),
    salt: counting(0, 13),
    info: counting(0xf0, 10),
    okm: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  },
  {
    key: counting(0, 80),
    salt: counting(0x60, 80),
    info: counting(0xb0, 80),
    okm:
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8" +
      "367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
  },
  {
    key: new Uint8Array(22).fill(0x0b),
    salt: new Uint8Array(0),
    info: new Uint8Array(0),
    okm: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
  },
];

test("HKDF gives the output keys of RFC 5869", () => {
  for (const { key, salt, info, okm } of hkdfCases) {
    expect(hkdfSha256(key, salt, info, okm.length / 2).toHex()).toBe(okm);
  }
});

test("HMAC gives the tags of RFC 4231 cases 1 and 2, however the message is split", () => {
  const one = hmacSha256(new Uint8Array(20).fill(0x0b), new TextEncoder().encode("Hi There"));
  expect(one.toHex()).toBe("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  const [key, a, b] = ["Jefe", "what do ya want ", "for nothing?"].map((text) => new TextEncoder().encode(text));
  expect(hmacSha256(key ?? one, a ?? one, b ?? one).toHex()).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

test("Argon2id gives the tag of RFC 9106 section 5.3", () => {
  const tag = argon2idUnbounded(
    new Uint8Array(32).fill(1),
    new Uint8Array(16).fill(2),
    { memory_kib: 32, passes: 3, lanes: 4 },
    { secret: new Uint8Array(8).fill(3), associated: new Uint8Array(12).fill(4) },
  );
  expect(tag.toHex()).toBe("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
});

test("native and noble agree on HMAC, HKDF and Argon2id", () => {
  const any = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(any, any, any, fc.integer({ min: 1, max: 200 }), (key, salt, info, length) => {
      expect(hmacSha256(key, info)).toEqual(nobleHmac(nobleSha256, key, info));
      expect(hkdfSha256(key, salt, info, length)).toEqual(nobleHkdf(nobleSha256, key, salt, info, length));
    }),
  );
  const salt = hex("000102030405060708090a0b0c0d0e0f");
  fc.assert(
    fc.property(any, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), (passphrase, passes, lanes) => {
      const ours = argon2idUnbounded(passphrase, salt, { memory_kib: 64, passes, lanes });
      expect(ours).toEqual(nobleArgon2id(passphrase, salt, { m: 64, t: passes, p: lanes, dkLen: 32 }));
    }),
    { numRuns: 20 },
  );
});

test("a cost outside the bounds is refused before any memory is taken", () => {
  const good = { memory_kib: argon2Bounds.memory_kib.min, passes: 2, lanes: 1 };
  const refused = [
    { ...good, memory_kib: 19_455 },
    { ...good, memory_kib: 4_194_304 },
    { ...good, memory_kib: Number.NaN },
    { ...good, passes: 1 },
    { ...good, passes: 17 },
    { ...good, lanes: 0 },
    { ...good, lanes: 2.5 },
  ];
  for (const cost of refused) {
    expect(() => argon2id(hex("00"), new Uint8Array(16), cost)).toThrow(Fault);
  }
  expect(argon2id(hex("00"), new Uint8Array(16), good)).toHaveLength(32);
});
