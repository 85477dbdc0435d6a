import { afterAll, expect, test } from "bun:test";
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { createVault, openVault, type Vault } from "./vault.ts";

const base = mkdtempSync(join(tmpdir(), "vault-tamper-test-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let places = 0;
const newPlace = () => {
  const root = join(base, String(++places));
  return { root, dir: join(root, "vault"), keys: join(root, "keys") };
};
const bytesOf = (text: string) => new TextEncoder().encode(text);
const set = (vault: Vault, name: string, value: string) => vault.stageSet(name, bytesOf(value)).commit();
const recordsOf = (dir: string) => readdirSync(join(dir, "records")).map((name) => join(dir, "records", name));

async function faultOf(work: () => unknown): Promise<Fault> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

test("a record copied over another, renamed, or put back from earlier is data loss that names the file", async () => {
  const attacks: Readonly<Record<string, (a: string, b: string, old: string) => void>> = {
    "copied over another": (a, b) => copyFileSync(a, b),
    swapped(a, b) {
      renameSync(a, `${a}.x`);
      renameSync(b, a);
      renameSync(`${a}.x`, b);
    },
    "put back from earlier": (a, _, old) => copyFileSync(old, a),
    "half-written": (a) => truncateSync(a, 40),
    empty: (a) => truncateSync(a, 0),
    "one bit flipped": (a) => writeFileSync(a, flipped(readFileSync(a), 100)),
    gone: (a) => rmSync(a),
    "a link to itself elsewhere"(a) {
      renameSync(a, `${a}.real`);
      symlinkSync(`${a}.real`, a);
    },
  };
  for (const [what, attack] of Object.entries(attacks)) {
    const place = newPlace();
    const vault = await createVault(place);
    set(vault, "a", "first");
    const old = join(place.root, "old.json");
    copyFileSync(recordsOf(place.dir)[0] ?? "", old);
    set(vault, "a", "second");
    const [a = ""] = recordsOf(place.dir);
    set(vault, "b", "third");
    const b = recordsOf(place.dir).find((path) => path !== a) ?? "";
    attack(a, b, old);
    const fault = await faultOf(() => openVault(place));
    expect(`${what}: ${fault.code}`).toBe(
      `${what}: ${what.startsWith("a link") ? "failed_precondition" : "data_loss"}`,
    );
    expect([a, b].some((path) => fault.message.includes(path))).toBe(true);
  }
});

test("a manifest that is half-written, changed, or missing is data loss that names it, and nothing is repaired", async () => {
  for (const attack of [
    (path: string) => truncateSync(path, 50),
    (path: string) => truncateSync(path, 0),
    (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace('"epoch":1', '"epoch":2')),
    (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace('"records":[{', '"records": [{')),
    (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace(/"mac":"./, '"mac":"_')),
    (path: string) => writeFileSync(path, Uint8Array.of(0xff, 0xfe)),
    (path: string) => rmSync(path),
  ]) {
    const place = newPlace();
    set(await createVault(place), "a", "1");
    const path = join(place.dir, "manifest.json");
    attack(path);
    const before = readdirSync(place.root, { recursive: true });
    const fault = await faultOf(() => openVault(place));
    expect(fault.code).toBe("data_loss");
    expect(fault.message).toContain(path);
    expect(readdirSync(place.root, { recursive: true })).toEqual(before);
  }
});

test("every single flipped bit of the manifest is noticed", async () => {
  const place = newPlace();
  set(await createVault(place), "a", "1");
  const path = join(place.dir, "manifest.json");
  const good = readFileSync(path);
  for (let bit = 0; bit < good.length * 8; bit += 3) {
    writeFileSync(path, flipped(good, bit));
    expect((await faultOf(() => openVault(place))).code).toBe("data_loss");
  }
});

test("an older copy of the whole vault opens with another digest, and an open vault refuses to go back to it", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  set(vault, "a", "1");
  const old = vault.manifest;
  cpSync(place.dir, join(place.root, "copy"), { recursive: true });
  set(vault, "a", "2");
  const now = vault.manifest;
  rmSync(place.dir, { recursive: true });
  cpSync(join(place.root, "copy"), place.dir, { recursive: true });
  const reopened = await openVault(place);
  expect(reopened.manifest).toBe(old);
  expect(reopened.manifest).not.toBe(now);
  expect((await faultOf(() => vault.refresh())).code).toBe("data_loss");
  expect((await faultOf(() => vault.stageSet("b", bytesOf("x")))).code).toBe("data_loss");
});

test("another vault's files do not open with this vault's key", async () => {
  const [one, two] = [newPlace(), newPlace()];
  set(await createVault(one), "a", "1");
  set(await createVault(two), "a", "1");
  const fault = await faultOf(() => openVault({ dir: two.dir, keys: one.keys }));
  expect(fault.code).toBe("data_loss");
  expect(fault.message).toContain("not written with this master key");
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}
