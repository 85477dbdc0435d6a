import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import * as v from "valibot";
import { loadConfig } from "../config/load.ts";
import { homeAt } from "../core/home.ts";
import { agent, operator } from "../define/principal.ts";
import { defineTool } from "../define/tool.ts";
import { readCheckpoint } from "../ledger/checkpoint.ts";
import { fileWitness } from "../ledger/witness.ts";
import { initHome } from "./init.ts";
import { openEngine } from "./open.ts";
import { tools, useEstate } from "./testdata/estate.ts";

const estate = useEstate();

const change = defineTool({
  name: "config.change",
  summary: "Change one setting.",
  capability: "config.write",
  effect: "control",
  needs: ["config"],
  input: v.strictObject({ field: v.string(), value: v.string() }),
  output: v.strictObject({ fields: v.array(v.string()) }),
  examples: [],
  async handler(ctx, { field, value }) {
    return { fields: [...(await ctx.config.set({ [field]: value }, { dry_run: false }))] };
  },
});

async function changed(field: string, value: string): Promise<string> {
  const engine = await estate.open({ tools: [...tools, change] });
  const result = await engine.call(operator, "config.change", { field, value });
  await estate.close();
  return result.ok ? "changed" : result.fault.message;
}

test("a witness chosen later starts with the note and the keys of the one before, and the home opens", async () => {
  const elsewhere = join(estate.directory, "elsewhere/note");
  expect(await changed("ledger.witness_file", elsewhere)).toBe("changed");
  const engine = await estate.open();
  const { origin } = engine.keeper.ledger;
  const size = readCheckpoint((await fileWitness(elsewhere).latest(origin)) ?? "").size;
  expect(size).toBeGreaterThan(1);
  expect(readFileSync(`${elsewhere}.vkey`)).toEqual(readFileSync(`${estate.witness}.vkey`));
  await estate.close();
  expect(readCheckpoint((await fileWitness(elsewhere).latest(origin)) ?? "").size).toBeGreaterThan(size - 1);
});

test("a home rolled back after its witness was moved does not open", async () => {
  const elsewhere = join(estate.directory, "elsewhere/note");
  const before = join(estate.directory, "before");
  expect(await changed("ledger.witness_file", elsewhere)).toBe("changed");
  await Bun.$`cp -a ${estate.home.state} ${before}`.quiet();
  await (await estate.open()).call(operator, "note.write", { path: "a", content: "b" });
  await estate.close();
  rmSync(estate.home.state, { recursive: true });
  await Bun.$`cp -a ${before} ${estate.home.state}`.quiet();
  await expect(estate.open()).rejects.toMatchObject({ code: "data_loss" });
});

test("a witness inside the home is refused, also when the config was edited by hand", async () => {
  const before = readFileSync(estate.home.config, "utf8");
  for (const inside of [join(estate.home.state, "note"), join(estate.home.root, "note"), join(estate.home.runs, "n")])
    expect(await changed("ledger.witness_file", inside)).toContain("inside the home");
  expect(readFileSync(estate.home.config, "utf8")).toBe(before);
  writeFileSync(estate.home.config, before.replace(estate.witness, join(estate.home.state, "note")));
  await expect(estate.open()).rejects.toThrow("inside the home");
});

test("a witness beside another log's pinned keys is refused", async () => {
  const taken = join(estate.directory, "taken");
  mkdirSync(taken);
  writeFileSync(join(taken, "note.vkey"), "another log's keys\n");
  expect(await changed("ledger.witness_file", join(taken, "note"))).toContain("the keys of another log");
  expect(readFileSync(join(taken, "note.vkey"), "utf8")).toBe("another log's keys\n");
  expect(existsSync(join(taken, "note"))).toBe(false);
  expect(loadConfig(estate.home.config).ledger.witness_file).toBe(estate.witness);
});

test("a workspace that cannot be opened is refused, so that a setting never shuts its own door", async () => {
  const before = readFileSync(estate.home.config, "utf8");
  expect(await changed("workspace.root", join(estate.directory, "nowhere"))).toContain("no such file or directory");
  expect(await changed("workspace.root", estate.home.state)).not.toBe("changed");
  expect(readFileSync(estate.home.config, "utf8")).toBe(before);
  mkdirSync(join(estate.directory, "there"));
  expect(await changed("workspace.root", join(estate.directory, "there"))).toBe("changed");
});

test("a witness is not chosen inside the workspace, where agents write", async () => {
  const wide = join(estate.directory, "wide");
  const inside = { home: homeAt(join(estate.directory, "new")), workspace: wide, witness: join(wide, "note") };
  const made = initHome({ ...inside, agent: "default", profile: "editor", force: false });
  await expect(made).rejects.toThrow("inside the workspace");
  mkdirSync(wide);
  expect(await changed("workspace.root", wide)).toBe("changed");
  expect(await changed("ledger.witness_file", join(wide, "note"))).toContain("inside the workspace");
});

test("in a workspace as wide as the user's directory, what is pinned in that user's state directory is out of reach", async () => {
  const user = join(estate.directory, "user");
  const before = process.env["XDG_STATE_HOME"];
  process.env["XDG_STATE_HOME"] = join(user, "state");
  try {
    const home = homeAt(join(estate.directory, "own"));
    const { pinned_key } = await initHome({ home, workspace: user, agent: "default", profile: "editor", force: false });
    const engine = await openEngine({ home, tools, providers: [], version: "test" });
    const kept = readFileSync(pinned_key, "utf8");
    const write = (path: string) => engine.call(agent("default"), "note.write", { path, content: "x" });
    expect((await write("a")).ok).toBe(true);
    expect(await write(relative(user, pinned_key))).toMatchObject({ ok: false, code: "policy.denied" });
    await engine.close();
    expect(readFileSync(pinned_key, "utf8")).toBe(kept);
  } finally {
    if (before === undefined) delete process.env["XDG_STATE_HOME"];
    else process.env["XDG_STATE_HOME"] = before;
  }
});
