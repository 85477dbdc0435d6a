import { describe, expect, test } from "bun:test";
import { base64, fromBase64 } from "../crypto/hash.ts";
import {
  readCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  signersOf,
  verifierOf,
} from "./checkpoint.ts";
import { identityOf, newLogKey, parsePinnedKeys } from "./key.ts";
import { formatVerifierKey, keyId, parseNote, parseVerifierKey, signNote, verifyNote } from "./note.ts";
import { emptyRoot } from "./tree.ts";

const neumannKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const neumannNote =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

const key = newLogKey();
const { origin, verifier_keys } = identityOf(key);
const verifiers = verifier_keys.map((line) => verifierOf(parseVerifierKey(line)));
const signers = signersOf(key, () => 1_700_000_000_000);
const checkpoint = { origin, size: 5, root: emptyRoot };
const note = signCheckpoint(checkpoint, signers);

describe("signed notes", () => {
  test("of the Go implementation's documentation verify with its key", () => {
    const verifier = verifierOf(parseVerifierKey(neumannKey));
    const { signed } = verifyNote(neumannNote, [verifier]);
    expect(signed).toEqual([verifier]);
    expect(() => verifyNote(neumannNote.replace("don't", "do"), [verifier])).toThrow("does not verify");
  });

  const malformed: Record<string, string> = {
    "without a blank line": "text\n— a QUJDREU=\n",
    "without signatures": "text\n\n",
    "without the last newline": neumannNote.slice(0, -1),
    "with something after the signatures": `${neumannNote}x`,
    "with a blank line at the end": `${neumannNote}\n`,
    "with Windows line ends": neumannNote.replaceAll("\n", "\r\n"),
    "with a carriage return in the text": neumannNote.replace("problem,", "problem,\r"),
    "with a NUL": neumannNote.replace("problem,", "problem,\0"),
    "with a tab": neumannNote.replace("problem,", "problem,\t"),
    "with a lone surrogate": neumannNote.replace("problem,", "problem,\ud800"),
    "with a hyphen for the dash": neumannNote.replace("—", "-"),
    "with base64 that no one writes": neumannNote.replace("nAM=", "nAN="),
    "with a key name that holds a plus": neumannNote.replace("PeterNeumann", "Peter+Neumann"),
    "with a signature of no bytes": "text\n\n— a QUJDRA==\n",
    "larger than 128 KiB": `${"x".repeat(131_072)}\n\n— a QUJDREU=\n`,
  };
  for (const [what, text] of Object.entries(malformed)) {
    test(`${what} are refused`, () => {
      expect(() => parseNote(text)).toThrow("not a signed note");
    });
  }

  test("may hold blank lines in their text", () => {
    expect(parseNote(`a\n\nb\n\n— x QUJDREU=\n`).text).toBe("a\n\nb\n");
  });

  test("carry at least sixteen signatures", () => {
    const lines = Array.from({ length: 15 }, (_, i) => `— other${i} QUJDREU=\n`).join("");
    expect(openCheckpoint(note + lines, verifiers).size).toBe(5);
  });
});

describe("a signature line", () => {
  const rename = (from: string, to: string) => note.replaceAll(`— ${from}`, `— ${to}`);

  test("with the right name and an unknown key id is ignored", () => {
    const stranger = `— ${origin} ${base64(Buffer.concat([Uint8Array.of(1, 2, 3, 4), new Uint8Array(64)]))}\n`;
    expect(openCheckpoint(note + stranger, verifiers)).toEqual({ ...checkpoint, root: emptyRoot });
  });

  test("with the right key id under another name is ignored, which leaves the note unsigned", () => {
    expect(() => openCheckpoint(rename(origin, "someone.example"), verifiers)).toThrow("no signature of a trusted key");
  });

  test("of a known key that does not verify rejects the whole note, though another verifies", () => {
    const [first = "", second = ""] = note.split("\n\n")[1]?.split("\n") ?? [];
    const bytes = Uint8Array.from(fromBase64(first.split(" ")[2] ?? ""));
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    const forged = `${note.split("\n\n")[0]}\n\n— ${origin} ${base64(bytes)}\n${second}\n`;
    expect(() => openCheckpoint(forged, verifiers)).toThrow("does not verify");
  });
});

describe("a checkpoint", () => {
  test("needs the signatures of both keys", () => {
    for (const only of signers) {
      expect(() => openCheckpoint(signCheckpoint(checkpoint, [only]), verifiers)).toThrow("lacks a signature");
    }
    expect(openCheckpoint(note, verifiers).size).toBe(5);
  });

  test("is not signed by the second key when its size, root or time was changed", () => {
    const [, quantum] = signers;
    const [, verifier] = verifiers;
    const signed = signNote("x", quantum ? [{ ...quantum, sign: () => quantum.sign(parseNote(note).text) }] : []);
    const signature = parseNote(`x\n${signed.slice(1)}`).signatures[0]?.signature ?? new Uint8Array(0);
    const { text } = parseNote(note);
    expect(verifier?.verify(text, signature)).toBe(true);
    expect(verifier?.verify(text.replace("\n5\n", "\n6\n"), signature)).toBe(false);
    const later = Uint8Array.from(signature);
    later[7] = (later[7] ?? 0) ^ 1;
    expect(verifier?.verify(text, later)).toBe(false);
    const beyond = Uint8Array.from(signature);
    beyond[0] = 0x80;
    expect(verifier?.verify(text, beyond)).toBe(false);
  });

  const [, , root = ""] = parseNote(note).text.split("\n");
  const texts: Record<string, string> = {
    "of size 2^63": `${origin}\n9223372036854775808\n${root}\n`,
    "of size 2^53": `${origin}\n9007199254740992\n${root}\n`,
    "with a leading zero": `${origin}\n05\n${root}\n`,
    "of size 00": `${origin}\n00\n${root}\n`,
    "with a sign": `${origin}\n+5\n${root}\n`,
    "with a negative size": `${origin}\n-5\n${root}\n`,
    "with a size in another notation": `${origin}\n5e0\n${root}\n`,
    "with no size": `${origin}\n\n${root}\n`,
    "with something after the size": `${origin}\n5 \n${root}\n`,
    "with Windows line ends": `${origin}\r\n5\r\n${root}\r\n`,
    "without the last newline": `${origin}\n5\n${root}`,
    "with something after the root": `${origin}\n5\n${root}x\n`,
    "with a fourth line": `${origin}\n5\n${root}\nmore\n`,
    "with a blank fourth line": `${origin}\n5\n${root}\n\n`,
    "with a root of 31 bytes": `${origin}\n5\n${base64(new Uint8Array(31))}\n`,
    "with a root that is not strict base64": `${origin}\n5\n${root.slice(0, -2)}V=\n`,
    "without an origin": `\n5\n${root}\n`,
    "with two lines": `${origin}\n5\n`,
  };
  for (const [what, text] of Object.entries(texts)) {
    test(`${what} is refused`, () => {
      expect(() => parseCheckpoint(text)).toThrow();
    });
  }

  test("of size 0 and of the largest size is read", () => {
    expect(parseCheckpoint(`${origin}\n0\n${root}\n`).size).toBe(0);
    expect(parseCheckpoint(`${origin}\n9007199254740991\n${root}\n`).size).toBe(Number.MAX_SAFE_INTEGER);
    expect(readCheckpoint(note).size).toBe(5);
  });
});

describe("verifier keys", () => {
  test("come back from their line", () => {
    const parsed = parseVerifierKey(neumannKey);
    expect(formatVerifierKey(parsed.name, parsed.type, parsed.public_key)).toBe(neumannKey);
    expect(keyId(parsed.name, parsed.type, parsed.public_key)).toBe(0xc74f20a3);
  });

  for (const line of [
    "",
    "a+b",
    neumannKey.replace("c74f", "c74e"),
    neumannKey.replace("Peter", "Pe ter"),
    `${neumannKey}=`,
    neumannKey.toUpperCase(),
  ]) {
    test(`are refused when the line is ${JSON.stringify(line)}`, () => {
      expect(() => parseVerifierKey(line)).toThrow("is not a verifier key");
    });
  }

  test("of a type nobody assigned have no verifier", () => {
    expect(() => verifierOf({ name: "x", id: 1, type: 9, public_key: new Uint8Array(32) })).toThrow("0x09");
  });

  test("are pinned as the pair of one ledger, with comments and blank lines between", () => {
    expect(parsePinnedKeys(["# my ledger", "", ...verifier_keys]).origin).toBe(origin);
    expect(origin).toMatch(/^agent-ledger\/[a-z2-7]{26}$/);
  });

  test("are refused as a pin when one is missing, twice, of another ledger, or under a name that is not theirs", () => {
    const [classic = "", quantum = ""] = verifier_keys;
    const other = identityOf(newLogKey()).verifier_keys;
    const renamed = [classic, quantum].map((line) => {
      const { type, public_key } = parseVerifierKey(line);
      return formatVerifierKey("agent-ledger/another", type, public_key);
    });
    for (const lines of [
      [],
      [classic],
      [quantum],
      [classic, classic],
      [classic, other[1] ?? ""],
      renamed,
      [classic, quantum, neumannKey],
    ]) {
      expect(() => parsePinnedKeys(lines)).toThrow("does not hold the two keys");
    }
  });
});
