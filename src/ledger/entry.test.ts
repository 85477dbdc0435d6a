import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalize, type Json } from "../core/canonical.ts";
import { utf8 } from "../core/text.ts";
import { base64 } from "../crypto/hash.ts";
import {
  type EntryDraft,
  isCanonical,
  maxEntryBytes,
  opensCommit,
  prepareDraft,
  readEntry,
  writeEntry,
} from "./entry.ts";
import { leafHash } from "./tree.ts";

const place = { log: "agent-ledger/x", seq: 7, prev: base64(new Uint8Array(32)), ts: "2026-11-20T08:00:00.000Z" };
const draft: EntryDraft = { type: "call.intent", actor: "agent:a", run: "r1", payload: { b: 1, a: ["é", null] } };
const bytesOf = (value: EntryDraft) => writeEntry(prepareDraft(value), place);
const textOf = (value: EntryDraft) => Buffer.from(bytesOf(value)).toString("utf8");

const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => {
  try {
    canonicalize(value as Json);
    return true;
  } catch {
    return false;
  }
}) as fc.Arbitrary<Json>;

describe("an entry", () => {
  test("is the canonical JSON of its fields", () => {
    expect(textOf(draft)).toBe(
      `{"actor":"agent:a","log":"agent-ledger/x","payload":{"a":["é",null],"b":1},"prev":"${place.prev}","run":"r1",` +
        `"seq":7,"ts":"2026-11-20T08:00:00.000Z","type":"call.intent","v":1}`,
    );
    expect(textOf({ ...draft, run: null, confidential: true })).toMatch(
      /^\{"actor":"agent:a","commit":"[^"]{44}","log":.*"run":null,/,
    );
  });

  test("comes back from its bytes, whatever its payload, and its bytes are canonical", () => {
    fc.assert(
      fc.property(json, fc.boolean(), (payload, confidential) => {
        const entry = readEntry(bytesOf({ ...draft, payload, confidential }), true);
        expect(entry).toMatchObject({ ...place, type: draft.type, actor: draft.actor, run: draft.run });
        if (entry.commit === undefined) expect(canonicalize(entry.payload ?? null)).toBe(canonicalize(payload));
      }),
    );
  });

  test("of fields that join to the same text hashes differently", () => {
    const first = leafHash(bytesOf({ ...draft, type: "ab", actor: "c" }));
    expect(first).not.toEqual(leafHash(bytesOf({ ...draft, type: "a", actor: "bc" })));
    const third = leafHash(bytesOf({ ...draft, actor: "b|c" }));
    expect(third).not.toEqual(leafHash(bytesOf({ ...draft, actor: "b", run: "c" })));
  });

  test("keeps a payload of 8 KiB inside and a larger or confidential one beside, committed to with a fresh salt", () => {
    const payload = "x".repeat(8190);
    expect(prepareDraft({ ...draft, payload }).side).toBeUndefined();
    for (const beside of [
      { payload: `${payload}x` },
      { payload: "é".repeat(4096) },
      { payload: "small", confidential: true },
    ]) {
      const { commit, side, payload: inline } = prepareDraft({ ...draft, ...beside });
      expect(inline).toBeUndefined();
      expect(opensCommit(commit ?? "", side?.salt ?? new Uint8Array(0), utf8(JSON.stringify(beside.payload)))).toBe(
        true,
      );
      expect(opensCommit(commit ?? "", side?.salt ?? new Uint8Array(0), utf8('"other"'))).toBe(false);
      expect(prepareDraft({ ...draft, ...beside }).commit).not.toBe(commit);
    }
  });

  test("always fits the length prefix of an entry bundle", () => {
    const worst = {
      type: `t${"x".repeat(63)}`,
      actor: "\u{1f600}".repeat(256),
      run: '"'.repeat(256),
      payload: "x".repeat(8190),
    };
    expect(bytesOf(worst).length).toBeLessThanOrEqual(maxEntryBytes);
  });

  const refused: Record<string, Partial<EntryDraft>> = {
    "a type with a quote": { type: 'a"b' },
    "an empty type": { type: "" },
    "a type of capitals": { type: "Call" },
    "an empty actor": { actor: "" },
    "an actor with a newline": { actor: "a\nb" },
    "an actor with a lone surrogate": { actor: "\ud800" },
    "an empty run": { run: "" },
    "a payload with a lone surrogate": { payload: "\udfff" },
    "a payload with NaN": { payload: { x: Number.NaN } },
    "a payload with an integer above 2^53 - 1": { payload: 2 ** 53 },
    "a payload above 16 MiB": { payload: "x".repeat(16_777_217) },
  };
  for (const [what, change] of Object.entries(refused)) {
    test(`is refused for ${what}`, () => {
      expect(() => prepareDraft({ ...draft, ...change })).toThrow();
    });
  }
});

describe("reading an entry", () => {
  const good = textOf(draft);
  const twins: Record<string, string> = {
    "in another key order": good.replace(/^\{("actor":"agent:a"),(.*)\}$/, "{$2,$1}"),
    "with another number form": good.replace('"b":1', '"b":1.0'),
    "with an exponent": good.replace('"b":1', '"b":1e0'),
    "with an escaped letter": good.replace("é", "\\u00e9"),
    "with an escaped slash": good.replace("agent-ledger/x", "agent-ledger\\/x"),
    "with white space": good.replace('"b":1', '"b": 1'),
    "with a newline at the end": `${good}\n`,
    "with a key twice": good.replace('"b":1', '"b":1,"b":1'),
    "with a key twice and another value": good.replace('"b":1', '"b":2,"b":1'),
    "with a lone surrogate in an escape": good.replace("é", "\\ud800"),
    "with minus zero": good.replace('"b":1', '"b":-0'),
    "with an integer above 2^53 - 1": good.replace('"b":1', '"b":9007199254740993'),
    "with keys in numeric order": good.replace('"b":1', '"9":1,"10":1'),
    "with a byte order mark": `\ufeff${good}`,
  };
  for (const [what, text] of Object.entries(twins)) {
    test(`refuses one ${what}`, () => {
      expect(text).not.toBe(good);
      expect(() => readEntry(utf8(text), true)).toThrow();
    });
  }

  const wrong: Record<string, string> = {
    "of another format": good.replace('"v":1', '"v":2'),
    "with an unknown field": good.replace('"actor"', '"a":1,"actor"'),
    "without a type": good.replace('"type":"call.intent",', ""),
    "with payload and commit": good.replace('"log"', `"commit":"${place.prev}","log"`),
    "with neither payload nor commit": good.replace(/"payload":.*"prev"/, '"prev"'),
    "with a time in another form": good.replace(".000Z", "Z"),
    "with a seq that is text": good.replace('"seq":7', '"seq":"7"'),
    "with a prev of another length": good.replace(place.prev, "AAAA"),
    "that is an array": "[]",
    "that is null": "null",
    "that is empty": "",
    "that is not JSON": good.slice(0, -1),
  };
  for (const [what, text] of Object.entries(wrong)) {
    test(`refuses one ${what}`, () => {
      expect(() => readEntry(utf8(text), true)).toThrow();
    });
  }

  test("refuses one that is not UTF-8 or too long", () => {
    expect(() => readEntry(Uint8Array.of(0x7b, 0xff), true)).toThrow("not UTF-8");
    expect(() => readEntry(new Uint8Array(maxEntryBytes + 1), true)).toThrow("larger than");
  });

  test("tells composed from decomposed letters", () => {
    const composed = bytesOf({ ...draft, payload: "\u00e9" });
    expect(leafHash(composed)).not.toEqual(leafHash(bytesOf({ ...draft, payload: "e\u0301" })));
  });
});

describe("the short way to recognize canonical text", () => {
  const slow = (text: string): boolean => {
    try {
      return canonicalize(JSON.parse(text) as Json) === text;
    } catch {
      return false;
    }
  };

  test("agrees with writing the text again for every JSON text", () => {
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom("10", "9", "__proto__", "\ud7ff", "\ue000", "\u{10000}", "a", "A"),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.double(),
          fc.maxSafeInteger(),
          fc.constantFrom(null, true, 2 ** 60, -0),
        ),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(key, tie("value"), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(
        value,
        fc.constantFrom<(text: string) => string>(
          (x) => x,
          (x) => x.replace(",", ", "),
          (x) => x.replace("a", "\\u0061"),
        ),
        (item, spoil) => {
          const text = spoil(JSON.stringify(item) ?? "null");
          expect(isCanonical(JSON.parse(text), text)).toBe(slow(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("agrees for what canonicalize itself wrote", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalize(value);
        expect(isCanonical(JSON.parse(text), text)).toBe(true);
      }),
    );
  });

  for (const text of [
    '"\\ud800"',
    "-0",
    "1e400",
    '{"b":1,"a":1}',
    '{"9":1,"10":1}',
    '{"10":1,"9":1}',
    "[".repeat(300) + "]".repeat(300),
  ]) {
    test(`agrees for ${text.slice(0, 20)}`, () => {
      expect(isCanonical(JSON.parse(text), text)).toBe(slow(text));
    });
  }
});
