import { expect, test } from "bun:test";
import { hchacha } from "@noble/ciphers/chacha.js";
import fc from "fast-check";
import { open, seal } from "./aead.ts";

const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(text);
const counting = (from: number, length: number) => Uint8Array.from({ length }, (_, i) => from + i);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

// draft-irtf-cfrg-xchacha-03 appendix A.3.1
const published = {
  key: counting(0x80, 32),
  nonce: counting(0x40, 24),
  aad: hex("50515253c0c1c2c3c4c5c6c7"),
  plaintext: new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ),
  sealed: hex(
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216" +
      "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13" +
      "b52ec0875924c1c7987947deafd8780acf49",
  ),
};

test("the published vector seals to the published bytes and opens again", () => {
  const { key, nonce, aad, plaintext, sealed } = published;
  expect(seal(key, nonce, plaintext, aad)).toEqual(sealed);
  expect(open(key, nonce, sealed, aad)).toEqual(plaintext);
});

test("any single flipped bit of key, nonce, associated data or sealed bytes opens to nothing", () => {
  const { key, nonce, aad, sealed } = published;
  const flip = (part: Uint8Array, bit: number) =>
    part.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  for (let bit = 0; bit < sealed.length * 8; bit++) expect(open(key, nonce, flip(sealed, bit), aad)).toBeUndefined();
  for (let bit = 0; bit < 256; bit += 5) expect(open(flip(key, bit), nonce, sealed, aad)).toBeUndefined();
  for (let bit = 0; bit < 192; bit += 5) expect(open(key, flip(nonce, bit), sealed, aad)).toBeUndefined();
  for (let bit = 0; bit < aad.length * 8; bit++) expect(open(key, nonce, sealed, flip(aad, bit))).toBeUndefined();
});

test("truncated sealed bytes, short keys and short nonces open to nothing", () => {
  const { key, nonce, aad, sealed } = published;
  for (const length of [0, 1, 15, 16, sealed.length - 1]) {
    expect(open(key, nonce, sealed.subarray(0, length), aad)).toBeUndefined();
  }
  expect(open(key.subarray(1), nonce, sealed, aad)).toBeUndefined();
  expect(open(key, nonce.subarray(1), sealed, aad)).toBeUndefined();
});

test("the native ChaCha20-Poly1305 under the HChaCha20 sub-key gives the same bytes", async () => {
  await fc.assert(
    fc.asyncProperty(
      bytes(32),
      bytes(24),
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 40 }),
      async (key, nonce, plaintext, aad) => {
        expect(seal(key, nonce, plaintext, aad)).toEqual(await sealNatively(key, nonce, plaintext, aad));
      },
    ),
    { numRuns: 60 },
  );
});

/** Section 2.3 of the draft: HChaCha20 over the first 16 nonce bytes, then RFC 8439 with the last 8 behind four zeros. */
async function sealNatively(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array) {
  const words = (part: Uint8Array) => new Uint32Array(new Uint8Array(part).buffer);
  const subKey = new Uint32Array(8);
  hchacha(words(new TextEncoder().encode("expand 32-byte k")), words(key), words(nonce.subarray(0, 16)), subKey);
  const iv = new Uint8Array(12);
  iv.set(nonce.subarray(16), 4);
  const name = "ChaCha20-Poly1305";
  const handle = await crypto.subtle.importKey("raw-secret" as "raw", new Uint8Array(subKey.buffer), name, false, [
    "encrypt",
  ]);
  const options = { name, iv, additionalData: new Uint8Array(aad) };
  return new Uint8Array(await crypto.subtle.encrypt(options, handle, new Uint8Array(plaintext)));
}
