import { describe, expect, test } from "bun:test";
import { sha256 as independent } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { utf8 } from "../core/text.ts";
import { base64, equalBytes, fromBase64, sha256, sha256Hex } from "./hash.ts";
import { randomBytes } from "./random.ts";

describe("sha256", () => {
  test("gives the digests of FIPS 180-4", () => {
    expect(sha256Hex(utf8("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(sha256Hex()).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test("hashes the concatenation of its parts, as an independent implementation does", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (parts) => {
        expect(Buffer.from(sha256(...parts))).toEqual(Buffer.from(independent(Buffer.concat(parts))));
      }),
    );
  });
});

describe("base64", () => {
  test("returns every byte string unchanged", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(Buffer.from(fromBase64(base64(bytes)))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  for (const text of ["QQ", "QQ=", "QR==", "QQ==\n", " QQ==", "Q-_=", "QQ==QQ==", "é", "QQ=="]) {
    const valid = text === "QQ==";
    test(`${valid ? "reads" : "refuses"} ${JSON.stringify(text)}`, () => {
      if (valid) expect([...fromBase64(text)]).toEqual([65]);
      else expect(() => fromBase64(text)).toThrow("not standard base64");
    });
  }
});

test("equalBytes compares content and length", () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
});

test("randomBytes fills every length anew", () => {
  expect(randomBytes(0)).toHaveLength(0);
  expect(randomBytes(32)).toHaveLength(32);
  expect(randomBytes(32)).not.toEqual(randomBytes(32));
});
