import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exportTiles } from "./export.ts";
import { newLogKey } from "./key.ts";
import { identityOf } from "./key.ts";
import { forge, readEntries } from "./testdata/forge.ts";
import { signersOf } from "./checkpoint.ts";
import { type Scratch, scratch } from "./testdata/scratch.ts";

const script = join(import.meta.dir, "../../docs/security/verify_ledger.py");

async function exported(count: number): Promise<Scratch & { out: string; keys: string }> {
  const home = scratch();
  const ledger = await home.open();
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      ledger.append({ type: "t.n", actor: "agent:é", run: null, payload: { i, text: 'a "word"\n\u0001 ü' } }),
    ),
  );
  await ledger.close();
  const out = join(home.dir, "out");
  await exportTiles(home.path, out);
  const keys = join(home.dir, "pinned.keys");
  writeFileSync(keys, `${home.pinned.join("\n")}\n`);
  return Object.assign(home, { out, keys });
}

function verifyIndependently(out: string, keys: string): { exit: number; text: string } {
  const result = Bun.spawnSync(["python3", script, out, keys], { env: { PATH: "/usr/local/bin:/usr/bin:/bin" } });
  return { exit: result.exitCode, text: `${result.stdout}${result.stderr}` };
}

function change(file: string, from: string, to: string): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(from);
  if (at < 0) throw new Error(`${file} does not hold ${from}`);
  bytes.write(to, at);
  writeFileSync(file, bytes);
}

describe("an export", () => {
  test("has the tiles of its size and nothing else, as c2sp.org/tlog-tiles lays them out", async () => {
    using home = await exported(600);
    const files = readdirSync(home.out, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name).slice(home.out.length + 1));
    expect(files.sort()).toEqual([
      "checkpoint",
      "tile/0/000",
      "tile/0/001",
      "tile/0/002.p/88",
      "tile/1/000.p/2",
      "tile/entries/000",
      "tile/entries/001",
      "tile/entries/002.p/88",
    ]);
    expect(readFileSync(join(home.out, "tile/0/000"))).toHaveLength(8192);
  });

  test("holds each entry behind its length in two bytes", async () => {
    using home = await exported(3);
    const bundle = readFileSync(join(home.out, "tile/entries/000.p/3"));
    const length = bundle.readUInt16BE();
    expect(JSON.parse(bundle.subarray(2, 2 + length).toString("utf8"))).toMatchObject({ seq: 0, type: "t.n" });
  });

  test("of an empty ledger is its checkpoint", async () => {
    using home = await exported(0);
    expect(readdirSync(home.out)).toEqual(["checkpoint"]);
    expect(verifyIndependently(home.out, home.keys).exit).toBe(0);
  });

  test("is refused into a directory that holds something", async () => {
    using home = await exported(1);
    await expect(exportTiles(home.path, home.out)).rejects.toThrow("is not empty");
  });

  test("is refused for entries that are not those of the checkpoint, and leaves none behind", async () => {
    using home = await exported(3);
    home.tamper((db) =>
      db.run("UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'word', 'WORD') AS BLOB) WHERE seq = 1"),
    );
    await expect(exportTiles(home.path, join(home.dir, "again"))).rejects.toThrow("not those signed");
    expect(readdirSync(join(home.dir, "again"))).not.toContain("checkpoint");
  });
});

describe("the verifier that shares no code with us", () => {
  test("accepts a real export of 66,000 entries and names the log", async () => {
    using home = await exported(66_000);
    const { exit, text } = verifyIndependently(home.out, home.keys);
    expect(text).toContain(`OK: 66000 entries of ${identityOf(home.key).origin}`);
    expect(exit).toBe(0);
  }, 60_000);

  const tampered: Record<string, [number, (out: string, home: Scratch) => void]> = {
    "an edited entry": [14, (out) => change(join(out, "tile/entries/001.p/44"), "word", "WORD")],
    "an edited last entry": [
      21,
      (out) => {
        const file = join(out, "tile/entries/001.p/44");
        const bytes = readFileSync(file);
        bytes.write("W", bytes.lastIndexOf("word"));
        writeFileSync(file, bytes);
      },
    ],
    "a bundle cut short": [
      14,
      (out) =>
        writeFileSync(join(out, "tile/entries/000"), readFileSync(join(out, "tile/entries/000")).subarray(0, -9)),
    ],
    "a bundle with something after its entries": [
      14,
      (out) =>
        writeFileSync(
          join(out, "tile/entries/001.p/44"),
          Buffer.concat([readFileSync(join(out, "tile/entries/001.p/44")), Buffer.of(0)]),
        ),
    ],
    "a tile with another hash": [
      14,
      (out) => {
        const bytes = readFileSync(join(out, "tile/1/000.p/1"));
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        writeFileSync(join(out, "tile/1/000.p/1"), bytes);
      },
    ],
    "a missing tile": [4, (out) => rmSync(join(out, "tile/0/000"))],
    "a changed root": [20, (out) => change(join(out, "checkpoint"), "\n300\n", "\n299\n")],
    "a checkpoint with Windows line ends": [
      20,
      (out) =>
        writeFileSync(join(out, "checkpoint"), readFileSync(join(out, "checkpoint"), "utf8").replaceAll("\n", "\r\n")),
    ],
    "a checkpoint that the pinned key did not sign": [
      20,
      (out) =>
        writeFileSync(join(out, "checkpoint"), readFileSync(join(out, "checkpoint"), "utf8").replace(/— .*\n/, "")),
    ],
    "a pinned key of another ledger": [
      20,
      (_, home) =>
        writeFileSync(join(home.dir, "pinned.keys"), `${identityOf(newLogKey()).verifier_keys.join("\n")}\n`),
    ],
    "an entry signed in another form than the canonical one": [
      14,
      (out, home) => {
        const { origin, verifier_keys } = identityOf(home.key);
        const write = (entry: object) => JSON.stringify(Object.fromEntries(Object.entries(entry).reverse()));
        forge({
          path: home.path,
          origin,
          keys: verifier_keys,
          entries: readEntries(home.path),
          signers: signersOf(home.key, Date.now),
          write,
        });
        reExport(home.path, out);
      },
    ],
  };
  const reExports: Promise<unknown>[] = [];
  function reExport(path: string, out: string): void {
    rmSync(out, { recursive: true });
    mkdirSync(dirname(out), { recursive: true });
    reExports.push(exportTiles(path, out));
  }
  for (const [what, [exit, tamper]] of Object.entries(tampered)) {
    test(`refuses ${what} with exit ${exit}`, async () => {
      using home = await exported(300);
      expect(verifyIndependently(home.out, home.keys).exit).toBe(0);
      tamper(home.out, home);
      await Promise.all(reExports);
      const result = verifyIndependently(home.out, home.keys);
      expect(result).toMatchObject({ exit });
      expect(result.text).toStartWith("FAILED: ");
    });
  }

  test("is at most 120 lines, so that an auditor reads it", () => {
    expect(readFileSync(script, "utf8").split("\n").length - 1).toBeLessThanOrEqual(120);
  });
});
