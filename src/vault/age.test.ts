import { expect, test } from "bun:test";
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { Fault } from "../core/fault.ts";
import { openAge, sealAge } from "./age.ts";
import type { SecretContent } from "./name.ts";

const secrets = new Map<string, SecretContent>([
  ["b", { value: Uint8Array.of(0, 255, 10), allow: [] }],
  ["a/key", { value: new TextEncoder().encode("välue"), allow: ["host:api.example.org"] }],
]);
const codeOf = async (work: Promise<unknown>) => {
  const thrown: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return thrown instanceof Fault ? thrown.code : thrown;
};
const encrypt = (payload: string | Uint8Array, recipient: string) => {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(payload);
};

test("a passphrase export opens with that passphrase, binary or armored, and holds one canonical JSON", async () => {
  const file = await sealAge(secrets, { passphrase: "two words" });
  expect(new TextDecoder().decode(file.subarray(0, 80))).toMatch(/^age-encryption\.org\/v1\n-> scrypt \S+ 15\n/);
  expect(await openAge(file, { passphrase: "two words" })).toEqual(new Map([...secrets].sort()));
  const armored = new TextEncoder().encode(armor.encode(file));
  expect(await openAge(armored, { passphrase: "two words" })).toEqual(new Map([...secrets].sort()));
  expect(await codeOf(openAge(file, { passphrase: "three words" }))).toBe("unauthenticated");
  const plain = new Decrypter();
  plain.addPassphrase("two words");
  expect(await plain.decrypt(file, "text")).toBe(
    '{"secrets":[{"allow":["host:api.example.org"],"name":"a/key","value":"dsOkbHVl"},{"allow":[],"name":"b","value":"AP8K"}],"v":1}',
  );
});

test("an export to several recipients opens with each one's identity and no other", async () => {
  const identities = await Promise.all([1, 2, 3].map(() => generateX25519Identity()));
  const [one = "", two = "", three = ""] = identities;
  const recipients = await Promise.all([one, two].map((identity) => identityToRecipient(identity)));
  const file = await sealAge(secrets, { recipients });
  for (const identity of [one, two]) expect((await openAge(file, { identities: [three, identity] })).size).toBe(2);
  expect(await codeOf(openAge(file, { identities: [three] }))).toBe("unauthenticated");
  expect(await codeOf(openAge(file, { passphrase: "x" }))).toBe("unauthenticated");
});

test("a damaged file is data loss and a file of another kind is refused", async () => {
  const identity = await generateX25519Identity();
  const file = await sealAge(secrets, { recipients: [await identityToRecipient(identity)] });
  const source = { identities: [identity] };
  for (const at of [file.length - 1, file.length - 60]) {
    expect(
      await codeOf(
        openAge(
          file.map((byte, i) => (i === at ? byte ^ 1 : byte)),
          source,
        ),
      ),
    ).toBe("data_loss");
  }
  expect(await codeOf(openAge(file.subarray(0, -1), source))).toBe("data_loss");
  expect(await codeOf(openAge(new TextEncoder().encode("SECRET=1\n"), source))).toBe("invalid_argument");
  expect(await codeOf(openAge(new Uint8Array(0), source))).toBe("invalid_argument");
});

test("one unfit entry refuses the whole file", async () => {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const row = (name: string, value = "AP8K", allow = "[]") => `{"allow":${allow},"name":"${name}","value":"${value}"}`;
  const good = row("a");
  const payloads = [
    `{"secrets":[${good},${row("../x")}],"v":1}`,
    `{"secrets":[${good},${row("reeve/log")}],"v":1}`,
    `{"secrets":[${good},${good}],"v":1}`,
    `{"secrets":[${good},${row("b", "")}],"v":1}`,
    `{"secrets":[${good},${row("b", "AP8")}],"v":1}`,
    `{"secrets":[${good},${row("b", "AP8K", '["host:*"]')}],"v":1}`,
    `{"secrets":[${good}],"v":2}`,
    `{"secrets":[${good}],"v":1,"x":1}`,
    `{"v":1,"secrets":[${good}]}`,
    `not json`,
  ];
  for (const payload of payloads) {
    expect(await codeOf(openAge(await encrypt(payload, recipient), { identities: [identity] }))).toBe(
      "invalid_argument",
    );
  }
  const fine = await openAge(await encrypt(`{"secrets":[${good}],"v":1}`, recipient), { identities: [identity] });
  expect([...fine.keys()]).toEqual(["a"]);
});

test("a file that asks for a gigabyte of scrypt is refused before any work", async () => {
  const salt = "A".repeat(22);
  const text = `age-encryption.org/v1\n-> scrypt ${salt} 20\n${"A".repeat(43)}\n--- ${"A".repeat(43)}\n`;
  expect(await codeOf(openAge(new TextEncoder().encode(text), { passphrase: "x" }))).toBe("resource_exhausted");
});

test("empty passphrases and malformed or missing keys are refused without showing them", async () => {
  expect(await codeOf(sealAge(secrets, { passphrase: "" }))).toBe("invalid_argument");
  expect(await codeOf(sealAge(secrets, { recipients: [] }))).toBe("invalid_argument");
  expect(await codeOf(sealAge(secrets, { recipients: ["age1nonsense"] }))).toBe("invalid_argument");
  const file = await sealAge(secrets, { recipients: [await identityToRecipient(await generateX25519Identity())] });
  const wrong = "AGE-SECRET-KEY-1NONSENSE";
  const thrown: unknown = await openAge(file, { identities: [wrong] }).catch((reason: unknown) => reason);
  expect(thrown).toBeInstanceOf(Fault);
  expect(JSON.stringify(thrown instanceof Fault ? thrown.toRecord() : "")).not.toContain("NONSENSE");
});
