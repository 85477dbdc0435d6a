import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../core/canonical.ts";
import { createScrubber } from "./scrub.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const scrubberOf = (secrets: Readonly<Record<string, string | Uint8Array>>) =>
  createScrubber(
    new Map(Object.entries(secrets).map(([name, value]) => [name, typeof value === "string" ? bytesOf(value) : value])),
  );

/** Encoders written apart from the code under test; each gives one way a secret shows up in a message. */
const encoders: Readonly<Record<string, (value: string) => string>> = {
  exact: (value) => value,
  base64: (value) => Buffer.from(value).toString("base64"),
  base64WithoutPadding: (value) => btoa(String.fromCharCode(...bytesOf(value))).replace(/=+$/, ""),
  base64url: (value) => Buffer.from(value).toString("base64url"),
  hex: (value) => bytesOf(value).toHex(),
  hexUpper: (value) => bytesOf(value).toHex().toUpperCase(),
  percent: (value) => encodeURIComponent(value),
  percentLower: (value) => encodeURIComponent(value).replace(/%../g, (digits) => digits.toLowerCase()),
  percentAll: (value) =>
    [...bytesOf(value)].map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
  percentStrict: (value) =>
    encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
  form: (value) => new URLSearchParams([["", value]]).toString().slice(1),
  json: (value) => JSON.stringify(value).slice(1, -1),
  jsonInJson: (value) => JSON.stringify(JSON.stringify(value)).slice(3, -3),
  jsonAscii: (value) =>
    JSON.stringify(value)
      .slice(1, -1)
      .replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`),
};

const secret = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 4, maxLength: 40 }),
    fc.string({ unit: "binary-ascii", minLength: 4, maxLength: 40 }),
    fc.stringMatching(/^[A-Za-z0-9+/=_-]{4,60}$/),
    fc.stringMatching(/^[ab]{4,9}$/),
    fc.stringMatching(/^[\][:a-z]{4,8}$/),
  )
  .filter((value) => value.isWellFormed());
const filler = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom("", " ", "a", "=", "[secret:", "%", "\\"));

test("no output holds a planted secret in any form, next to anything", () => {
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(filler, fc.nat(), fc.constantFrom(...Object.keys(encoders))), { minLength: 1, maxLength: 6 }),
      (secrets, plants) => {
        const scrubber = createScrubber(new Map(secrets.map((value, i) => [`s${i}`, bytesOf(value)])));
        const planted = plants.map(
          ([before, which, form]) => before + (encoders[form]?.(secrets[which % secrets.length] ?? "") ?? ""),
        );
        const out = scrubber.text(planted.join(""));
        for (const value of secrets)
          for (const encode of Object.values(encoders)) expect(out).not.toContain(encode(value));
        expect(scrubber.text(out)).toBe(out);
      },
    ),
    { numRuns: 2000 },
  );
});

test("a secret inside a longer base64 message is found at each of the three alignments", () => {
  fc.assert(
    fc.property(
      // Brackets at a secret's ends would change the label, which is another test's matter.
      fc
        .uint8Array({ minLength: 6, maxLength: 40 })
        .map((value) => value.map((byte) => (byte === 0x5b || byte === 0x5d ? 0 : byte))),
      fc.uint8Array({ maxLength: 7 }),
      fc.uint8Array({ maxLength: 7 }),
      fc.constantFrom("base64" as const, "base64url" as const),
      (value, before, after, alphabet) => {
        const message = Buffer.concat([before, value, after]).toString(alphabet);
        const out = createScrubber(new Map([["k", value]])).text(`x: ${message}.`);
        // At most the groups wholly outside the secret may remain.
        const kept = out.slice(3, -1).replace("[secret:k]", "").replace(/[=]+$/, "");
        const outside = Math.floor((before.length * 8) / 6) + Math.ceil((after.length * 8) / 6);
        expect(out).toContain("[secret:k]");
        expect(kept.length).toBeLessThanOrEqual(outside);
      },
    ),
  );
});

test("text that holds no secret comes back unchanged", () => {
  const scrubber = scrubberOf({ a: "kX9#mP2$vL5q", b: Uint8Array.from({ length: 32 }, (_, i) => 255 - i * 7) });
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      expect(scrubber.text(text)).toBe(text);
    }),
  );
  expect(createScrubber(new Map()).text("anything")).toBe("anything");
});

test("in pieces of any size the result is that of the whole, and no piece shows a part of a secret", () => {
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(filler, fc.nat(), fc.constantFrom(...Object.keys(encoders))), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (secrets, plants, sizes) => {
        const scrubber = createScrubber(new Map(secrets.map((value, i) => [`s${i}`, bytesOf(value)])));
        const text = plants
          .map(([before, which, form]) => before + (encoders[form]?.(secrets[which % secrets.length] ?? "") ?? ""))
          .join("");
        const stream = scrubber.stream();
        let out = "";
        for (let at = 0, n = 0; at < text.length; n++) {
          const size = sizes[n % sizes.length] ?? 1;
          out += stream.push(text.slice(at, at + size));
          expect(scrubber.text(text).startsWith(out)).toBe(true);
          at += size;
        }
        expect(out + stream.end()).toBe(scrubber.text(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test("a stream gives out at once what cannot begin a secret", () => {
  const stream = scrubberOf({ token: "s3cr3t-value" }).stream();
  expect(stream.push("hello. s3cr")).toBe("hello. ");
  expect(stream.push("3t-value and")).toBe("[secret:token] an");
  expect(stream.push("!")).toBe("d!");
  expect(stream.push("s3cr")).toBe("");
  expect(stream.end()).toBe("s3cr");
});

test("a piece never ends in the middle of a character", () => {
  const stream = scrubberOf({ token: "s3cr3t-value" }).stream();
  const first = stream.push("ok \ud83d");
  expect(first.isWellFormed()).toBe(true);
  expect(first + stream.push("\ude00 ") + stream.end()).toBe("ok 😀 ");
});

test("the longest of several secrets names the label and overlapping ones leave nothing of either", () => {
  const scrubber = scrubberOf({ short: "pass", long: "password-1", tail: "-1-and-more" });
  expect(scrubber.text("a password-1 b")).toBe("a [secret:long] b");
  expect(scrubber.text("a pass b")).toBe("a [secret:short] b");
  expect(scrubber.text("a password-1-and-more b")).toBe("a [secret:tail] b");
});

test("values of fewer than 4 bytes are left alone, 4 bytes are not", () => {
  const scrubber = scrubberOf({ pin: "123", emoji: "😀", word: "abcd" });
  expect(scrubber.text("123 😀 abcd")).toBe("123 [secret:emoji] [secret:word]");
});

test("a label never shows a secret, not even one named after its value or part of the label's own words", () => {
  expect(scrubberOf({ hunter22: "hunter22" }).text("x hunter22 y")).toBe("x [secret] y");
  expect(scrubberOf({ a: "secret", b: "longer-value" }).text("x secret longer-value")).toBe("x [redacted] [redacted]");
  const out = scrubberOf({ a: "secret", b: "redacted", c: "████" }).text("secret redacted ████");
  expect(out).toMatch(/^(.) \1 \1$/u);
  expect(out).not.toContain("█");
  // Between a label and what follows it, a second secret must not come into being.
  expect(scrubberOf({ a: "hunter22", b: "]abc" }).text("hunter22abc")).not.toContain("]abc");
});

test("JSON is scrubbed in values, keys and whole numbers, and keeps every member", () => {
  const scrubber = scrubberOf({ key: "k-123456", pin: "48151623" });
  const value: Json = {
    "k-123456": 1,
    "x k-123456": { list: ["k-123456", "clean", true, null, 48151623, 148151623, 1.5] },
    "[secret:key]": 2,
    n: 48151623,
  };
  expect(scrubber.json(value)).toEqual({
    "[secret:key]": 1,
    "x [secret:key]": { list: ["[secret:key]", "clean", true, null, "[secret:pin]", 148151623, 1.5] },
    "[secret:key]#2": 2,
    n: "[secret:pin]",
  });
  const odd = JSON.parse('{"__proto__": "k-123456"}') as Json;
  expect(JSON.stringify(scrubber.json(odd))).toBe('{"__proto__":"[secret:key]"}');
});

test("a binary secret is found in hex, in base64 and as one character per byte", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + 200) & 255);
  const scrubber = scrubberOf({ key });
  for (const form of [key.toHex(), key.toBase64(), Buffer.from(key).toString("latin1")]) {
    expect(scrubber.text(`<${form}>`)).toMatch(/^<\[secret:key\]=?>$/);
  }
});

test("ten megabytes are searched for fifty secrets in linear time: one pass, the last secret found", () => {
  const secrets = new Map(
    Array.from({ length: 50 }, (_, i) => [`s${i}`, bytesOf(`value-${i}-${"x".repeat(20)}-${i * 7919}`)]),
  );
  const text = 'The quick brown fox jumps over /usr/lib and {"a": 1}. '.repeat(190_000);
  const planted = `${text}${Buffer.from(secrets.get("s49") ?? []).toString("base64")}`;
  expect(createScrubber(secrets).text(planted)).toBe(`${text}[secret:s49]`);
});
