import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agent, operator } from "../define/principal.ts";
import { observeControlFiles } from "./observe.ts";
import { useEstate } from "./testdata/estate.ts";

const estate = useEstate();

test("a home that only Reeve changed has nothing to observe", async () => {
  expect((await estate.open()).notices).toEqual([]);
  expect((await estate.open()).notices).toEqual([]);
  expect(await estate.newest("policy.observed")).toEqual([]);
});

test("an older policy put back is told once, with its digest in the ledger before anyone acts on it", async () => {
  const copy = join(estate.directory, "policy-before");
  copyFileSync(estate.home.policy, copy);
  const text = readFileSync(estate.home.policy, "utf8");
  writeFileSync(estate.home.policy, text.replace('"capability": "fs.read:**"', '"capability": "fs.read:docs/**"'));
  expect((await estate.open()).notices).toHaveLength(1);
  copyFileSync(copy, estate.home.policy);
  const reeve = await estate.open();
  expect(reeve.notices).toEqual([expect.stringContaining("policy.json was changed outside Reeve")]);
  expect(await estate.newest("policy.observed")).toHaveLength(1);
  await reeve.call(agent("default"), "note.read", { path: "a" });
  expect((await estate.open()).notices).toEqual([]);
});

test("an edited config is observed apart from the policy", async () => {
  const text = readFileSync(estate.home.config, "utf8");
  writeFileSync(estate.home.config, text.replace(/"max_concurrent_runs": \d+/, '"max_concurrent_runs": 3'));
  const reeve = await estate.open();
  expect(reeve.notices).toEqual([expect.stringContaining("config.json was changed outside Reeve")]);
  await reeve.call(operator, "note.write", { path: "a", content: "b" });
  expect(await observeControlFiles(estate.home, reeve.keeper.ledger)).toEqual([]);
});
