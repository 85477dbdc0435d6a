import { expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import { openRecord, parseRecord, type SecretRecord, sealRecord, writeRecord } from "./record.ts";

const key = { master: new Uint8Array(32).fill(9), store: "store-one" };
const value = new TextEncoder().encode("the value");
const facts = {
  name: "a",
  version: 3,
  epoch: 2,
  allow: ["command:x", "host:y"],
  created_at: "2026-01-01T00:00:00.000Z",
};
const other = { ...facts, name: "b" };

test("a record opens only as exactly what it was sealed as", () => {
  const record = sealRecord(key, facts, value);
  expect(openRecord(key, record)).toEqual(value);
  const twin = sealRecord(key, other, value);
  const forgeries: readonly SecretRecord[] = [
    { ...record, name: "b" },
    { ...record, version: 2 },
    { ...record, epoch: 1 },
    { ...record, created_at: "2026-01-01T00:00:00.001Z" },
    { ...record, allow: ["command:x", "host:y", "host:z"] },
    { ...record, allow: ["command:x,host:y"] },
    { ...record, allow: [] },
    { ...record, nonce: twin.nonce },
    { ...record, ct: twin.ct },
    { ...record, nonce: twin.nonce, ct: twin.ct },
    { ...record, ct: "" },
  ];
  for (const forgery of forgeries) expect(() => openRecord(key, forgery)).toThrow(Fault);
  expect(() => openRecord({ ...key, store: "store-two" }, record)).toThrow(Fault);
  expect(() => openRecord({ ...key, master: new Uint8Array(32) }, record)).toThrow(Fault);
});

test("no two lists of facts share their associated data, however their parts are divided", () => {
  const one = sealRecord({ ...key, store: "ab" }, { ...facts, name: "c" }, value);
  expect(() => openRecord({ ...key, store: "a" }, { ...one, name: "bc" })).toThrow(Fault);
  const two = sealRecord(key, { ...facts, version: 1, epoch: 12 }, value);
  expect(() => openRecord(key, { ...two, version: 11, epoch: 2 })).toThrow(Fault);
});

test("the same value sealed twice shares neither nonce nor ciphertext", () => {
  const [one, two] = [sealRecord(key, facts, value), sealRecord(key, facts, value)];
  expect(one.nonce).not.toBe(two.nonce);
  expect(one.ct).not.toBe(two.ct);
});

test("a record's file is read back as written and in no other spelling", () => {
  const record = sealRecord(key, facts, value);
  const text = writeRecord(record);
  expect(parseRecord(text)).toEqual(record);
  for (const spelling of [
    ` ${text}`,
    text.replace('"v":1', '"v":2'),
    text.replace("{", '{"x":1,'),
    text.slice(0, -1),
    "null",
  ]) {
    expect(() => parseRecord(spelling)).toThrow(Fault);
  }
});
