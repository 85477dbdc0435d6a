import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalize, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { base64, sha256 } from "../crypto/hash.ts";
import { createMasterKey, isWrapped, masterKeyPath, readMasterKey, subKey } from "./master-key.ts";

const base = mkdtempSync(join(tmpdir(), "master-key-test-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
const newKeys = () => join(base, `keys${++count}`);
const answer = (text: string) => async () => text;

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const thrown: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (thrown instanceof Fault) return thrown;
  throw new Error("no fault was thrown", { cause: thrown });
}

test("a new key is 32 bytes in a file of mode 0600 in a directory of mode 0700, with nothing left beside it", async () => {
  const keys = newKeys();
  const key = createMasterKey(keys);
  expect(key).toHaveLength(32);
  expect(await readMasterKey(keys)).toEqual(key);
  expect(statSync(masterKeyPath(keys)).mode & 0o777).toBe(0o600);
  expect(statSync(keys).mode & 0o777).toBe(0o700);
  expect(readdirSync(keys)).toEqual(["master.key"]);
  expect(createMasterKey(newKeys())).not.toEqual(key);
});

test("an existing key is never replaced", async () => {
  const keys = newKeys();
  const key = createMasterKey(keys);
  expect(() => createMasterKey(keys)).toThrow();
  expect(await readMasterKey(keys)).toEqual(key);
  expect(readdirSync(keys)).toEqual(["master.key"]);
});

test("group or other permission bits on the key or its directory are refused with the chmod that helps", async () => {
  for (const mode of [0o640, 0o604, 0o610, 0o602, 0o777]) {
    const keys = newKeys();
    createMasterKey(keys);
    chmodSync(masterKeyPath(keys), mode);
    const fault = await faultOf(readMasterKey(keys));
    expect([fault.code, fault.hint]).toEqual(["failed_precondition", `chmod 600 '${masterKeyPath(keys)}'`]);
    chmodSync(masterKeyPath(keys), 0o600);
    chmodSync(keys, 0o755);
    const outer = await faultOf(readMasterKey(keys));
    expect([outer.code, outer.hint]).toEqual(["failed_precondition", `chmod 700 '${keys}'`]);
  }
});

test("a symbolic link in place of the key or of its directory is not followed", async () => {
  const keys = newKeys();
  createMasterKey(keys);
  const elsewhere = join(base, `elsewhere${count}`);
  renameSync(masterKeyPath(keys), elsewhere);
  symlinkSync(elsewhere, masterKeyPath(keys));
  expect((await faultOf(readMasterKey(keys))).code).toBe("failed_precondition");
  const link = newKeys();
  symlinkSync(keys, link);
  expect((await faultOf(readMasterKey(link))).code).toBe("failed_precondition");
});

test("a wrapped key opens with its passphrase only, and the file does not hold the key", async () => {
  const keys = newKeys();
  const key = createMasterKey(keys, "open sesame");
  expect(isWrapped(keys)).toBe(true);
  const text = readFileSync(masterKeyPath(keys), "utf8");
  expect(text).not.toContain(base64(key));
  expect(JSON.parse(text)).toMatchObject({ v: 1, kdf: "argon2id", lanes: 1 });
  expect(await readMasterKey(keys, answer("open sesame"))).toEqual(key);
  expect((await faultOf(readMasterKey(keys, answer("open sesam")))).code).toBe("unauthenticated");
  expect((await faultOf(readMasterKey(keys, answer("")))).code).toBe("invalid_argument");
});

test("damage to a wrapped key is data loss before any passphrase is asked for", async () => {
  const keys = newKeys();
  createMasterKey(keys, "open sesame");
  const path = masterKeyPath(keys);
  const good = readFileSync(path);
  const damages: (() => void)[] = [0, 1, 31, 33, good.length - 1].map((length) => () => truncateSync(path, length));
  for (let bit = 3; bit < good.length * 8; bit += 37) {
    damages.push(() =>
      writeFileSync(
        path,
        good.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)),
      ),
    );
  }
  damages.push(() => writeFileSync(path, new Uint8Array(5000)));
  let asked = 0;
  for (const damage of damages) {
    writeFileSync(path, good);
    damage();
    const fault = await faultOf(
      readMasterKey(keys, async () => {
        asked++;
        return "open sesame";
      }),
    );
    expect(fault.code).toBe("data_loss");
    expect(fault.message).toContain(path);
  }
  expect(asked).toBe(0);
});

test("a key file that asks for too little or too much work is refused, however well it is formed", async () => {
  const keys = newKeys();
  createMasterKey(keys, "open sesame");
  const path = masterKeyPath(keys);
  const { check: _, ...good } = JSON.parse(readFileSync(path, "utf8")) as Record<string, Json>;
  const forge = (change: Readonly<Record<string, Json>>) => {
    const body: Record<string, Json> = { ...good, ...change };
    const check = base64(sha256(new TextEncoder().encode(canonicalize(body))));
    writeFileSync(path, canonicalize({ ...body, check }));
    return readMasterKey(keys, answer("open sesame"));
  };
  for (const change of [
    { memory_kib: 4_194_304 },
    { memory_kib: 8 },
    { passes: 1 },
    { passes: 1_000_000 },
    { lanes: 64 },
    { kdf: "none" },
    { v: 2 },
  ]) {
    expect((await faultOf(forge(change))).code).toBe("data_loss");
  }
  // Within the bounds but not what was sealed: another key comes out, and the commitment says so before anything is opened.
  expect((await faultOf(forge({ memory_kib: 19_456 }))).code).toBe("unauthenticated");
  // The commitment holds, the sealed key was exchanged.
  expect((await faultOf(forge({ ct: base64(new Uint8Array(48)) }))).code).toBe("data_loss");
  expect(await forge({})).toHaveLength(32);
});

test("sub-keys differ by store and by purpose", () => {
  const master = new Uint8Array(32).fill(7);
  const keys = [
    subKey(master, "a", "x"),
    subKey(master, "b", "x"),
    subKey(master, "a", "y"),
    subKey(new Uint8Array(32), "a", "x"),
  ];
  expect(new Set(keys.map((key) => key.toHex())).size).toBe(4);
  expect(subKey(master, "a", "x")).toEqual(keys[0] ?? master);
});
