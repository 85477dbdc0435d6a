import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { homeAt } from "../core/home.ts";
import { operator } from "../define/principal.ts";
import { openEntries } from "../store/entries.ts";
import { initHome } from "./init.ts";
import { useEstate } from "./testdata/estate.ts";

const estate = useEstate();

test("a home whose vault was put back to an older copy does not open", async () => {
  const reeve = await estate.open();
  const before = join(estate.directory, "vault-before");
  await Bun.$`cp -a ${estate.home.vault} ${before}`.quiet();
  await reeve.call(operator, "secret.keep", { key: "k", value: "new value" });
  await estate.close();
  rmSync(estate.home.vault, { recursive: true });
  await Bun.$`cp -a ${before} ${estate.home.vault}`.quiet();
  await expect(estate.open()).rejects.toThrow("not the one the ledger last recorded");
});

test("an older vault does not open either when the ledger's index was made to name its old entries", async () => {
  const reeve = await estate.open();
  const before = join(estate.directory, "vault-before");
  await Bun.$`cp -a ${estate.home.vault} ${before}`.quiet();
  const old = {
    staged: await reeve.keeper.ledger.latest("vault.staged"),
    committed: await reeve.keeper.ledger.latest("vault.committed"),
  };
  await reeve.call(operator, "secret.keep", { key: "k", value: "new value" });
  // Each closing signs a checkpoint, and start-up reads no further back than it must.
  for (let round = 0; round < 2; round++) {
    const again = await estate.open();
    for (let i = 0; i < 20; i++) await again.call(operator, "note.write", { path: "a", content: "b" });
    await estate.close();
  }
  rmSync(estate.home.vault, { recursive: true });
  await Bun.$`cp -a ${before} ${estate.home.vault}`.quiet();
  const store = openEntries(estate.home.ledger, { create: false });
  for (const [kind, entry] of Object.entries(old)) store.setLatest(`vault.${kind}`, entry?.seq ?? 0);
  store.close();
  await expect(estate.open()).rejects.toThrow("not the one the ledger last recorded");
});

test("a home replaced by another one does not open", async () => {
  const other = homeAt(join(estate.directory, "other"));
  await initHome({
    home: other,
    witness: join(estate.directory, "elsewhere", "witness"),
    agent: "default",
    profile: "operator",
    force: false,
  });
  rmSync(estate.home.state, { recursive: true });
  await Bun.$`cp -a ${other.state} ${estate.home.state}`.quiet();
  const config = readFileSync(estate.home.config, "utf8");
  writeFileSync(estate.home.config, config.replace(join(estate.directory, "elsewhere", "witness"), estate.witness));
  await expect(estate.open()).rejects.toThrow("not the one pinned");
});

test("init does not overwrite a home, and --force puts it aside", async () => {
  const options = {
    home: estate.home,
    witness: estate.witness,
    agent: "default",
    profile: "observer",
  } as const;
  await expect(initHome({ ...options, force: false })).rejects.toThrow("already");
  const made = await initHome({ ...options, force: true });
  expect(made.put_aside.length).toBe(3);
  expect(made.put_aside.every((path) => existsSync(path))).toBe(true);
  expect((await (await estate.open()).call(operator, "note.write", { path: "a", content: "b" })).ok).toBe(true);
});

test("a home in the user's own directory keeps its witness in that user's state directory, and one chosen inside is refused", async () => {
  const own = homeAt(join(estate.directory, "user"));
  const before = process.env["XDG_STATE_HOME"];
  process.env["XDG_STATE_HOME"] = join(own.root, ".local", "state");
  try {
    const chosen = { home: own, agent: "default", profile: "observer", force: false } as const;
    await expect(initHome({ ...chosen, witness: join(own.root, "w") })).rejects.toThrow("inside the home");
    await expect(initHome({ ...chosen, witness: join(own.runs, "w") })).rejects.toThrow("inside the home");
    const made = await initHome(chosen);
    expect(made.pinned_key).toStartWith(join(own.root, ".local", "state", "reeve"));
  } finally {
    if (before === undefined) delete process.env["XDG_STATE_HOME"];
    else process.env["XDG_STATE_HOME"] = before;
  }
});

test("a workspace or a state directory that cannot be made is named, and nothing is left of the home", async () => {
  const file = join(estate.directory, "a-file");
  writeFileSync(file, "mine");
  const place = homeAt(join(estate.directory, "unfinished"));
  const chosen = { home: place, agent: "default", profile: "observer", force: false } as const;
  const witness = join(estate.directory, "unfinished-witness");
  await expect(initHome({ ...chosen, witness, workspace: file })).rejects.toMatchObject({
    code: "already_exists",
    message: `the workspace ${file} cannot be made: it is not a directory`,
    hint: "choose another directory",
  });
  await expect(initHome({ ...chosen, witness: join(file, "below", "note") })).rejects.toThrow(
    `the directory ${join(file, "below")} of the pinned key cannot be made`,
  );
  expect(readFileSync(file, "utf8")).toBe("mine");
  expect(readdirSync(place.root).filter((name) => name.startsWith(".reeve"))).toEqual([]);
});
