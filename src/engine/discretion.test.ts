/** No secret in any record, whatever it was mistaken for: misspelt fields and tools, wrong types, names, faults. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { agent, operator } from "../define/principal.ts";
import { replayBundle } from "./replay.ts";
import { scripted, useEstate } from "./testdata/estate.ts";

const estate = useEstate();
const secret = "hunter2-hunter2";

/** Every file of the home in which the text stands. */
function filesWith(text: string): readonly string[] {
  return readdirSync(estate.home.root, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((path) => readFileSync(path, "latin1").includes(text));
}

const mistakes: readonly (readonly [string, string, Json])[] = [
  ["under a misspelt field", "secret.keep", { key: "k", valeu: secret }],
  ["as the name of a field", "secret.keep", { key: "k", value: "other", [secret]: 1 }],
  ["in a list", "secret.keep", { key: "k", value: [secret] }],
  ["as the whole input", "secret.keep", secret],
  ["for a misspelt tool", "secret.kep", { key: "k", value: secret }],
];

for (const [how, tool, input] of mistakes) {
  test(`a secret sent ${how} is in no record`, async () => {
    const reeve = await estate.open();
    for (const principal of [operator, agent("default")]) {
      const result = await reeve.call(principal, tool, input);
      expect(result.ok).toBe(false);
      expect(JSON.stringify(result)).not.toContain(secret);
      expect((await replayBundle(result.bundle)).differences).toEqual([]);
    }
    await reeve.keeper.ledger.checkpoint();
    expect(filesWith(secret)).toEqual([]);
  });
}

test("a secret sent as a number is in no record", async () => {
  const reeve = await estate.open();
  const result = await reeve.call(operator, "secret.keep", { key: "k", value: 98765432123 });
  expect(JSON.stringify(result)).not.toContain("98765432123");
  expect(filesWith("98765432123")).toEqual([]);
});

test("a model that sends a secret under a misspelt field or tool leaves it in no record", async () => {
  const ask = (tool: string, input: Json) => ({ type: "call", call: { id: "x", tool, arguments: input } }) as const;
  const turn = [...mistakes.map(([, tool, input]) => ask(tool, input)), { type: "done" } as const];
  const reeve = await estate.open({ providers: [scripted([turn])] });
  const run = await reeve.run({ principal: agent("default"), message: "keep it", source: "cli" });
  expect(run.calls.map((call) => call.ok)).toEqual(mistakes.map(() => false));
  expect(filesWith(secret)).toEqual([]);
  expect((await replayBundle(run.bundle)).differences).toEqual([]);
});

test("a kept secret is in no record and no result when it is the name of a tool, whole or across a cut", async () => {
  const reeve = await estate.open({
    providers: [
      scripted([[{ type: "call", call: { id: "x", tool: `a.${secret}`, arguments: {} } }, { type: "done" }]]),
    ],
  });
  await reeve.call(operator, "secret.keep", { key: "demo", value: secret });
  for (const tool of [secret, `note.${"x".repeat(90)}${secret}`, `note.${"x".repeat(188)}${secret}`]) {
    const result = await reeve.call(operator, tool, {});
    expect(JSON.stringify(result)).not.toContain(secret.slice(0, 5));
    expect((await replayBundle(result.bundle)).differences).toEqual([]);
  }
  const run = await reeve.run({ principal: agent("default"), message: "go", source: "cli" });
  expect(JSON.stringify(run)).not.toContain(secret);
  expect((await replayBundle(run.bundle)).differences).toEqual([]);
  await reeve.keeper.ledger.checkpoint();
  expect(filesWith(secret.slice(0, 5))).toEqual([]);
});

test("a kept secret in a provider's fault is in no record, and the fault keeps its code", async () => {
  const fault = new Fault("unavailable", `401 for key ${secret}`, { hint: secret, data: { sent: [secret] } });
  const reeve = await estate.open({ providers: [scripted([[{ type: "error", fault: fault.toRecord() }]])] });
  await reeve.call(operator, "secret.keep", { key: "demo", value: secret });
  await reeve.call(operator, "secret.keep", { key: "odd", value: "unavailable" });
  const run = await reeve.run({ principal: agent("default"), message: "go", source: "cli" });
  expect(run.fault).toEqual({
    code: "unavailable",
    message: "401 for key [secret:demo]",
    hint: "[secret:demo]",
    data: { sent: ["[secret:demo]"] },
  });
  expect(filesWith(secret)).toEqual([]);
  expect((await replayBundle(run.bundle)).differences).toEqual([]);
});
