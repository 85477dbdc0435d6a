import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { createVault, openVault, type Vault, vaultNeedsPassphrase } from "./vault.ts";

const base = mkdtempSync(join(tmpdir(), "vault-test-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let places = 0;
const newPlace = () => {
  const root = join(base, String(++places));
  return { root, dir: join(root, "vault"), keys: join(root, "keys") };
};
const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const set = (vault: Vault, name: string, value: string, allow?: readonly string[]) =>
  vault.stageSet(name, bytesOf(value), allow ? { allow } : {}).commit();
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

test("what was set is read by the next process, byte for byte, with its facts", async () => {
  const place = newPlace();
  const vault = await createVault({ ...place, clock: { now: () => 1_700_000_000_000, monotonic: () => 0 } });
  const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
  vault.stageSet("bin", binary).commit();
  set(vault, "provider/x/api_key", "one");
  set(vault, "provider/x/api_key", "two");
  set(vault, "reeve/log", "internal");
  const again = await openVault(place);
  expect(again.value("bin")).toEqual(binary);
  expect(textOf(again.value("provider/x/api_key"))).toBe("two");
  expect(textOf(again.value("reeve/log"))).toBe("internal");
  expect(again.value("nope")).toBeUndefined();
  expect(again.list()).toEqual([
    { name: "bin", version: 1, epoch: 1, created_at: "2023-11-14T22:13:20.000Z" },
    { name: "provider/x/api_key", version: 2, epoch: 1, created_at: "2023-11-14T22:13:20.000Z" },
  ]);
  expect([...again.values().keys()]).toEqual(["bin", "provider/x/api_key", "reeve/log"]);
  expect(again.manifest).toBe(vault.manifest);
});

test("nothing on disk holds a value, no path holds a name, and only the owner may read", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  set(vault, "mail/password", "correct horse battery");
  for (const path of readdirSync(place.root, { recursive: true, encoding: "utf8" })) {
    const full = join(place.root, path);
    const stat = statSync(full);
    expect(stat.mode & 0o077).toBe(0);
    expect(path).not.toContain("mail");
    if (stat.isFile()) expect(readFileSync(full).includes("correct horse")).toBe(false);
  }
  expect(readFileSync(join(place.keys, "master.key"))).toHaveLength(32);
});

test("staging writes nothing; committing leads to exactly the digest that was staged", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  const before = vault.manifest;
  const change = vault.stageSet("a", bytesOf("1"));
  expect(vault.manifest).toBe(before);
  expect((await openVault(place)).manifest).toBe(before);
  change.commit();
  expect(vault.manifest).toBe(change.manifest);
  expect((await openVault(place)).manifest).toBe(change.manifest);
  expect(change.manifest).toMatch(/^[A-Za-z0-9+/]{43}=$/);
});

test("a change cannot be committed twice, nor over one that came in between", async () => {
  const vault = await createVault(newPlace());
  const first = vault.stageSet("a", bytesOf("1"));
  const second = vault.stageSet("b", bytesOf("2"));
  first.commit();
  expect((await faultOf(() => first.commit())).code).toBe("unavailable");
  expect((await faultOf(() => second.commit())).code).toBe("unavailable");
  expect(vault.list().map(({ name }) => name)).toEqual(["a"]);
});

test("a removed secret is gone from disk; removing an unknown one changes nothing", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  set(vault, "a", "1");
  set(vault, "b", "2");
  vault.stageRemove("a")?.commit();
  expect(vault.stageRemove("a")).toBeUndefined();
  expect(recordsOf(place.dir)).toHaveLength(1);
  expect((await openVault(place)).list().map(({ name }) => name)).toEqual(["b"]);
});

test("rotation moves every record to a new epoch and leaves values, versions and bindings", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  set(vault, "a", "1", ["host:api.example.org"]);
  set(vault, "a", "2");
  set(vault, "reeve/k", "3");
  const before = recordsOf(place.dir);
  const change = vault.stageRotate();
  expect(change.epoch).toBe(2);
  change.commit();
  const again = await openVault(place);
  expect(again.list()).toMatchObject([{ name: "a", version: 2, epoch: 2 }]);
  expect(textOf(again.value("reeve/k"))).toBe("3");
  expect(again.resolve("{{secret:a}}", { kind: "host", name: "api.example.org" })).toBe("2");
  expect(recordsOf(place.dir).filter((path) => before.includes(path))).toEqual([]);
});

test("any sequence of changes, reopened after each, agrees with a plain map", async () => {
  const step = fc.oneof(
    fc.record({
      op: fc.constant("set" as const),
      name: fc.constantFrom("a", "b", "c/d"),
      value: fc.uint8Array({ minLength: 1, maxLength: 50 }),
    }),
    fc.record({ op: fc.constant("remove" as const), name: fc.constantFrom("a", "b", "c/d") }),
    fc.record({ op: fc.constant("rotate" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const place = newPlace();
      const model = new Map<string, Uint8Array>();
      await createVault(place);
      for (const each of steps) {
        const vault = await openVault(place);
        if (each.op === "set") {
          vault.stageSet(each.name, each.value).commit();
          model.set(each.name, each.value);
        } else if (each.op === "remove") {
          vault.stageRemove(each.name)?.commit();
          model.delete(each.name);
        } else vault.stageRotate().commit();
        expect(new Map((await openVault(place)).values())).toEqual(new Map([...model].sort()));
      }
    }),
    { numRuns: 15 },
  );
});

test("names that are paths, too long or of other characters are refused, and values of no or too many bytes", async () => {
  const vault = await createVault(newPlace());
  for (const name of ["", "../x", "a/../b", "a//b", "/a", ".a", "A", "a b", "a\0b", "a\n", "ä", "a".repeat(129)]) {
    expect((await faultOf(() => vault.stageSet(name, bytesOf("v")))).code).toBe("invalid_argument");
  }
  expect((await faultOf(() => vault.stageSet("a", new Uint8Array(0)))).code).toBe("invalid_argument");
  expect((await faultOf(() => vault.stageSet("a", new Uint8Array(65_537)))).code).toBe("invalid_argument");
  vault.stageSet("a".repeat(128), new Uint8Array(65_536)).commit();
  expect(vault.value("a".repeat(128))).toHaveLength(65_536);
});

test("a vault is created once, an interrupted creation is finished, and records without a manifest are never covered up", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  expect((await faultOf(() => createVault(place))).code).toBe("already_exists");
  const key = readFileSync(join(place.keys, "master.key"));
  rmSync(join(place.dir, "manifest.json"));
  expect((await faultOf(() => createVault({ ...place, passphrase: "x" }))).code).toBe("already_exists");
  set(await createVault(place), "a", "1");
  expect(readFileSync(join(place.keys, "master.key"))).toEqual(key);
  expect((await faultOf(() => vault.refresh())).code).toBe("data_loss");
  rmSync(join(place.dir, "manifest.json"));
  expect((await faultOf(() => createVault(place))).code).toBe("data_loss");
});

test("no vault, no key and no manifest are told apart", async () => {
  const place = newPlace();
  expect((await faultOf(() => openVault(place))).code).toBe("not_found");
  await createVault(place);
  rmSync(join(place.keys, "master.key"));
  const fault = await faultOf(() => openVault(place));
  expect(fault.code).toBe("data_loss");
  expect(fault.message).toContain("master.key is missing");
});

test("a vault directory others may enter is refused with the chmod that helps", async () => {
  const place = newPlace();
  await createVault(place);
  chmodSync(place.dir, 0o750);
  const fault = await faultOf(() => openVault(place));
  expect(fault.code).toBe("failed_precondition");
  expect(fault.hint).toBe(`chmod 700 '${place.dir}'`);
  const open = newPlace();
  mkdirSync(open.dir, { recursive: true, mode: 0o755 });
  expect((await faultOf(() => createVault(open))).code).toBe("failed_precondition");
});

test("with a passphrase nothing opens without it, and it is asked for only then", async () => {
  const [wrapped, plain] = [newPlace(), newPlace()];
  set(await createVault({ ...wrapped, passphrase: "caf\u00e9 au lait" }), "a", "1");
  await createVault(plain);
  expect([vaultNeedsPassphrase(wrapped), vaultNeedsPassphrase(plain)]).toEqual([true, false]);
  let asked = 0;
  const answer = (text: string | undefined) => async () => {
    asked++;
    return text;
  };
  await openVault({ ...plain, passphrase: answer("x") });
  expect(asked).toBe(0);
  // Typed with a combining accent, the same passphrase.
  const vault = await openVault({ ...wrapped, passphrase: answer("cafe\u0301 au lait") });
  expect([asked, textOf(vault.value("a"))]).toEqual([1, "1"]);
  expect((await faultOf(() => openVault({ ...wrapped, passphrase: answer("cafe au lait") }))).code).toBe(
    "unauthenticated",
  );
  expect((await faultOf(() => openVault({ ...wrapped, passphrase: answer(undefined) }))).code).toBe("unauthenticated");
  expect((await faultOf(() => openVault(wrapped))).code).toBe("unauthenticated");
});

test("a closed vault answers nothing", async () => {
  const vault = await createVault(newPlace());
  set(vault, "a", "1");
  const change = vault.stageSet("b", bytesOf("2"));
  vault.close();
  for (const use of [
    () => vault.value("a"),
    () => vault.list(),
    () => vault.values(),
    () => vault.refresh(),
    () => change.commit(),
  ]) {
    expect((await faultOf(use)).code).toBe("failed_precondition");
  }
});

test("two vaults open on one directory see each other's changes", async () => {
  const place = newPlace();
  const one = await createVault(place);
  const two = await openVault(place);
  set(one, "a", "1");
  set(two, "b", "2");
  expect(textOf(two.value("a"))).toBe("1");
  expect(one.value("b")).toBeUndefined();
  one.refresh();
  expect(textOf(one.value("b"))).toBe("2");
  expect(one.manifest).toBe(two.manifest);
});

test("several secrets are imported in one change or not at all", async () => {
  const vault = await createVault(newPlace());
  const good = { value: bytesOf("1"), allow: ["command:git push"] };
  const bad = new Map([
    ["a", good],
    ["b", { value: bytesOf("2"), allow: ["host:*"] }],
  ]);
  expect((await faultOf(() => vault.stageImport(bad))).code).toBe("invalid_argument");
  vault
    .stageImport(
      new Map([
        ["a", good],
        ["b", good],
      ]),
    )
    .commit();
  expect(vault.list().map(({ name }) => name)).toEqual(["a", "b"]);
  expect(vault.resolve("{{secret:b}}", { kind: "command", name: "git push" })).toBe("1");
});

test("Reeve's own secrets are neither resolved nor exported; the others keep their bindings through an export", async () => {
  const [from, to] = [await createVault(newPlace()), await createVault(newPlace())];
  set(from, "reeve/log", "internal", ["host:a.example"]);
  set(from, "mine", "value", ["host:a.example"]);
  const destination = { kind: "host", name: "a.example" } as const;
  expect((await faultOf(() => from.resolve("{{secret:reeve/log}}", destination))).code).toBe("not_found");
  const identity = await generateX25519Identity();
  const file = await from.exportAge({ recipients: [await identityToRecipient(identity)] });
  const found = await to.readAge(file, { identities: [identity] });
  expect([...found.keys()]).toEqual(["mine"]);
  to.stageImport(found).commit();
  expect(to.resolve("{{secret:mine}}", destination)).toBe("value");
});

test("a failed write leaves the vault as it was", async () => {
  const place = newPlace();
  const vault = await createVault(place);
  set(vault, "a", "1");
  const change = vault.stageSet("a", bytesOf("2"));
  // A directory where the new record's temporary file must be renamed to: the disk refuses, as it would when full.
  const [file = ""] = recordsOf(place.dir);
  mkdirSync(file.replace(/-(\d+)\.json$/, (_, serial: string) => `-${Number(serial) + 1}.json`));
  expect((await faultOf(() => change.commit())).code).toBe("failed_precondition");
  expect(textOf(vault.value("a"))).toBe("1");
  expect(textOf((await openVault(place)).value("a"))).toBe("1");
});

test("keys derived for a purpose last as long as the vault, and no two purposes or vaults share one", async () => {
  const [place, other] = [newPlace(), newPlace()];
  const vault = await createVault(place);
  const key = vault.derive("egress/v1");
  expect(key.length).toBe(32);
  vault.stageRotate().commit();
  expect((await openVault(place)).derive("egress/v1")).toEqual(key);
  expect(vault.derive("egress/v2")).not.toEqual(key);
  expect((await createVault(other)).derive("egress/v1")).not.toEqual(key);
  vault.close();
  expect((await faultOf(() => vault.derive("egress/v1"))).code).toBe("failed_precondition");
});
