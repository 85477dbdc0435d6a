import { describe, expect, test } from "bun:test";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
import { Fault } from "../core/fault.ts";
import { utf8 } from "../core/text.ts";
import { randomBytes } from "./random.ts";
import { ed25519, mldsa44 } from "./sign.ts";
import vectors from "./testdata/rfc8032.json";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("ed25519", () => {
  for (const { name, seed, public_key, message, signature } of vectors) {
    test(`gives key and signature of ${name}`, () => {
      expect(toHex(ed25519.publicKey(hex(seed)))).toBe(public_key);
      expect(toHex(ed25519.sign(hex(seed), hex(message)))).toBe(signature);
      expect(toHex(ed25519.signer(hex(seed))(hex(message)))).toBe(signature);
      expect(ed25519.verify(hex(public_key), hex(message), hex(signature))).toBe(true);
    });
  }

  test("refuses a signature whose scalar is not reduced", () => {
    const [vector] = vectors;
    const signature = hex(vector?.signature ?? "");
    // s + L, with L the group order of RFC 8032 section 5.1, encodes the same scalar.
    const order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let carry = 0;
    for (let i = 0; i < 32; i++) {
      const sum = (signature[32 + i] ?? 0) + (order[i] ?? 0) + carry;
      signature[32 + i] = sum & 0xff;
      carry = sum >> 8;
    }
    expect(ed25519.verify(hex(vector?.public_key ?? ""), hex(""), signature)).toBe(false);
  });
});

describe("ml-dsa-44", () => {
  test("agrees with an independent implementation in both directions", () => {
    const seed = randomBytes(32);
    const message = utf8("a message");
    const other = ml_dsa44.keygen(seed);
    expect(toHex(mldsa44.publicKey(seed))).toBe(toHex(other.publicKey));
    expect(ml_dsa44.verify(mldsa44.sign(seed, message), message, other.publicKey)).toBe(true);
    expect(mldsa44.verify(other.publicKey, message, ml_dsa44.sign(message, other.secretKey))).toBe(true);
  });
});

for (const scheme of [ed25519, mldsa44]) {
  describe(scheme.name, () => {
    const seed = randomBytes(32);
    const key = scheme.publicKey(seed);
    const message = utf8("pay 5 to alice");
    const signature = scheme.sign(seed, message);

    test("verifies what it signed", () => {
      expect(scheme.verify(key, message, signature)).toBe(true);
      expect([key.length, signature.length]).toEqual([scheme.public_key_bytes, scheme.signature_bytes]);
    });

    test("refuses another message, another key and a changed signature", () => {
      expect(scheme.verify(key, utf8("pay 6 to alice"), signature)).toBe(false);
      expect(scheme.verify(scheme.publicKey(randomBytes(32)), message, signature)).toBe(false);
      const changed = signature.slice();
      changed[7] = (changed[7] ?? 0) ^ 1;
      expect(scheme.verify(key, message, changed)).toBe(false);
    });

    test("answers false, without throwing, for keys and signatures of any other length", () => {
      expect(scheme.verify(key, message, signature.slice(1))).toBe(false);
      expect(scheme.verify(key, message, new Uint8Array(0))).toBe(false);
      expect(scheme.verify(key.slice(1), message, signature)).toBe(false);
      expect(scheme.verify(new Uint8Array(0), message, signature)).toBe(false);
    });

    test("refuses a seed that is not 32 bytes", () => {
      expect(() => scheme.publicKey(new Uint8Array(31))).toThrow(Fault);
      expect(() => scheme.sign(new Uint8Array(33), message)).toThrow(Fault);
    });
  });
}
