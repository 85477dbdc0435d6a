import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/fault.ts";
import { agent, operator } from "../define/principal.ts";
import { openEngine } from "./open.ts";
import { scripted, seen, tools, useEstate } from "./testdata/estate.ts";

const everything = (path: string): string =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"))
    .join("\n");

const estate = useEstate();

test("a granted call returns its output, and intent and outcome are in the ledger", async () => {
  const reeve = await estate.open();
  writeFileSync(join(estate.home.root, "workspace", "a"), "hello");
  const result = await reeve.call(agent("default"), "note.read", { path: "./a" });
  expect(result).toMatchObject({ ok: true, output: { content: "hello" }, tool: "note.read" });
  expect(await estate.newest("call.intent")).toMatchObject([
    { tool: "note.read", ring: 1, resources: [{ capability: "fs.read", kind: "path", value: "a" }] },
  ]);
  expect(await estate.newest("call.outcome")).toMatchObject([{ ok: true, code: null }]);
});

test("what is not granted is a value, does not reach the handler, and is in the ledger as refused", async () => {
  const reeve = await estate.open();
  const result = await reeve.call(agent("default"), "note.write", { path: "a", content: "b" });
  expect(result).toMatchObject({ ok: false, code: "policy.denied", fault: { code: "permission_denied" } });
  expect(seen).toEqual([]);
  expect(await estate.newest("call.intent")).toEqual([]);
  expect(await estate.newest("call.refused")).toMatchObject([{ tool: "note.write", code: "policy.denied" }]);
});

test("an agent that does not exist is denied everything", async () => {
  const reeve = await estate.open();
  expect(await reeve.call(agent("nobody"), "note.read", { path: "a" })).toMatchObject({
    ok: false,
    code: "policy.denied",
  });
  await expect(reeve.run({ principal: agent("nobody"), message: "hi", source: "cli" })).rejects.toThrow(
    'no agent named "nobody"',
  );
});

test("an unreadable policy denies everything to everyone", async () => {
  const reeve = await estate.open();
  writeFileSync(estate.home.policy, '{"version": 1, "agents": {"default"');
  for (const principal of [operator, agent("default")]) {
    expect(await reeve.call(principal, "note.read", { path: "a" })).toMatchObject({ ok: false, code: "policy.denied" });
  }
  rmSync(estate.home.policy);
  expect(await reeve.call(operator, "note.read", { path: "a" })).toMatchObject({ ok: false, code: "policy.denied" });
});

test("a path that leaves the workspace is denied and audited, whoever asks", async () => {
  const reeve = await estate.open();
  for (const path of ["../x", "/etc/passwd", "a/../../x", "..\\x", ".reeve/config.json"]) {
    const result = await reeve.call(operator, "note.read", { path });
    expect([path, result.ok ? "" : result.code]).toEqual([path, "policy.denied"]);
    expect(await estate.newest("call.refused")).toMatchObject([{ code: "policy.denied" }]);
  }
});

test("an unknown tool and a malformed input are refused with their codes and the nearest name", async () => {
  const reeve = await estate.open();
  expect(await reeve.call(operator, "note.raed", {})).toMatchObject({
    ok: false,
    code: "tool.not_found",
    fault: { hint: 'did you mean "note.read"?' },
  });
  expect(await reeve.call(operator, "note.read", { path: 7 })).toMatchObject({ ok: false, code: "tool.input_invalid" });
  expect(await reeve.call(operator, "note_get", { path: "missing" })).toMatchObject({
    ok: false,
    code: "tool.failed",
    tool: "note.read",
  });
});

test("a tool whose effect is read cannot write through its handle", async () => {
  const reeve = await estate.open();
  expect(await reeve.call(operator, "note.lie", { path: "a" })).toMatchObject({ ok: false, code: "policy.denied" });
  expect(existsSync(join(estate.home.root, "workspace", "a"))).toBe(false);
});

test("a call past its deadline is a timeout", async () => {
  const reeve = await estate.open();
  expect(await reeve.call(operator, "time.sleep", {})).toMatchObject({
    ok: false,
    code: "timeout",
    fault: { code: "deadline_exceeded" },
  });
});

test("a canceled call is canceled, its bundle complete", async () => {
  const reeve = await estate.open();
  const controller = new AbortController();
  controller.abort(new Fault("canceled", "stop"));
  const result = await reeve.call(operator, "note.write", { path: "a", content: "b" }, { signal: controller.signal });
  expect(result).toMatchObject({ ok: false, code: "canceled" });
  expect(seen).toEqual([]);
  expect(existsSync(join(result.bundle, "manifest.json"))).toBe(true);
});

test("an output other than declared is an internal error, not a result", async () => {
  const reeve = await estate.open();
  expect(await reeve.call(operator, "time.wrong", {})).toMatchObject({ ok: false, code: "internal.error" });
});

test("an agent's wish to change Reeve is refused and kept as a proposal, whatever it was granted", async () => {
  const text = readFileSync(estate.home.policy, "utf8");
  writeFileSync(estate.home.policy, text.replace('"capability": "time.now"', '"capability": "secrets.*"'));
  const reeve = await estate.open();
  const result = await reeve.call(agent("default"), "secret.keep", { key: "k", value: "plaintext-of-agent" });
  expect(result).toMatchObject({ ok: false, code: "policy.denied" });
  const [proposal] = reeve.keeper.approvals.list({ limit: 5, offset: 0 }).rows;
  expect(proposal).toMatchObject({
    kind: "proposal",
    state: "pending",
    tool: "secret.keep",
    principal: "agent:default",
    input: '{"key":"k","value":"[secret]"}',
  });
  expect(result.ok ? "" : result.proposal).toBe(proposal?.id ?? "none");
  expect(everything(estate.home.root)).not.toContain("plaintext-of-agent");
});

test("a secret is in no file in plain form after it was set, used by a tool and said by the model", async () => {
  const secret = "correct-horse-battery";
  const said = `I saw ${secret} there`;
  const reeve = await estate.open({ providers: [scripted([[{ type: "text", text: said }, { type: "done" }]])] });
  await reeve.call(operator, "secret.keep", { key: "demo", value: secret });
  writeFileSync(
    join(estate.home.root, "workspace", "leak"),
    `token=${secret} ${Buffer.from(secret).toString("base64")}`,
  );
  const read = await reeve.call(operator, "note.read", { path: "leak" });
  expect(read.ok && JSON.stringify(read.output)).toContain("[secret:demo]");
  const run = await reeve.run({ principal: agent("default"), message: `is ${secret} safe?`, source: "cli" });
  expect(run.answer).toBe("I saw [secret:demo] there");
  rmSync(join(estate.home.root, "workspace", "leak"));
  await reeve.keeper.ledger.checkpoint();
  const text = everything(estate.home.root);
  expect(text).not.toContain(secret);
  expect(text).not.toContain(Buffer.from(secret).toString("base64").slice(0, -4));
});

test("nothing happens when the intent cannot be written", async () => {
  const reeve = await estate.open();
  const ledger = reeve.keeper.ledger;
  const real = ledger.append.bind(ledger);
  ledger.append = (draft) =>
    draft.type === "call.intent"
      ? Promise.reject(new Fault("resource_exhausted", "no space left on the disk"))
      : real(draft);
  const result = await reeve.call(operator, "note.write", { path: "a", content: "b" });
  expect(result).toMatchObject({ ok: false, code: "ledger.unavailable", fault: { code: "resource_exhausted" } });
  expect(seen).toEqual([]);
});

test("a secret stored by another process is scrubbed by this one too", async () => {
  const reeve = await estate.open();
  const other = await openEngine({ home: estate.home, tools, providers: [], version: "test" });
  await other.call(operator, "secret.keep", { key: "theirs", value: "stored-elsewhere" });
  await other.close();
  writeFileSync(join(estate.home.root, "workspace", "a"), "it is stored-elsewhere");
  const read = await reeve.call(operator, "note.read", { path: "a" });
  expect(read.ok && read.output).toEqual({ content: "it is [secret:theirs]" });
});
