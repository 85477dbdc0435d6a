import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { operator } from "../define/principal.ts";
import { savePolicy } from "../policy/change.ts";
import { decide } from "../policy/decide.ts";
import { grantsOf, loadPolicy, type Policy } from "../policy/policy.ts";
import { decideApproval } from "./approvals.ts";
import { always, asked, bot, deskOf, entries, openAsking, rejection, waiting, write } from "./testdata/desk.ts";
import { seen, useEstate } from "./testdata/estate.ts";

const estate = useEstate();

describe("always", () => {
  const request = (path: string, capability = "fs.write") =>
    ({
      principal: bot,
      capability,
      effect: "write",
      resources: [{ capability, kind: "path", value: path }],
      now_ms: Date.now(),
    }) as const;
  const effects = (policy: Policy, ...paths: readonly string[]) =>
    paths.map((path) => decide(policy, request(path)).effect);

  test("makes a grant for exactly what the call names, with the approval as its origin, and nobody is asked again", async () => {
    const engine = await openAsking(estate);
    mkdirSync(join(estate.home.root, "workspace", "notes"));
    const { run, id } = await waiting(engine, "notes/a");
    const before = grantsOf(loadPolicy(estate.home.policy)).length;
    await decideApproval(deskOf(engine), id, operator, always);
    expect((await engine.resume(run)).state).toBe("completed");
    const policy = loadPolicy(estate.home.policy);
    expect(effects(policy, "notes/a", "notes/b", "notes/a/b", "notes")).toEqual(["allow", "ask", "ask", "ask"]);
    expect(grantsOf(policy).slice(before)).toMatchObject([
      {
        principal: "agent:default",
        capability: "fs.write:notes/a",
        unasked: true,
        expires_at: null,
        provenance: { by: "operator", via: `approval ${id}` },
      },
    ]);
    const detail = "agent:default fs.write:notes/a unasked";
    expect(await entries(engine, "policy.changed")).toMatchObject([{ what: "grant", detail, via: `approval ${id}` }]);
    expect(await engine.call(bot, "note.write", write("notes/a"))).toMatchObject({ ok: true });
    expect(seen).toEqual(["notes/a", "notes/a"]);
  });

  test("is refused where the grant would cover more than the call, and the question stays open", async () => {
    const engine = await openAsking(estate);
    const resource = (capability: string, kind: "path" | "command" | "name", value: string) => ({
      resources: [{ capability, kind, value }],
    });
    const questions = [
      await asked(engine, resource("fs.write", "path", "notes/*")),
      await asked(engine, resource("fs.write", "path", "**")),
      await asked(engine, resource("fs.write", "path", "a[b]")),
      await asked(engine, resource("fs.write", "name", "a")),
      await asked(engine, { capability: "shell.exec", ...resource("shell.exec", "command", '["git","push"]') }),
      await asked(engine, { resources: [] }),
    ];
    const before = readFileSync(estate.home.policy, "utf8");
    for (const { id } of questions) {
      expect(await rejection(decideApproval(deskOf(engine), id, operator, always))).toBe("failed_precondition");
      expect(engine.keeper.approvals.get(id)?.state).toBe("pending");
    }
    expect(readFileSync(estate.home.policy, "utf8")).toBe(before);
    expect(await entries(engine, "approval.decided")).toEqual([]);
  });

  test("is refused of a command, since a grant of one covers whatever begins like it", async () => {
    const engine = await openAsking(estate);
    const resources = [{ capability: "shell.exec", kind: "command", value: '["git"]' }] as const;
    const { id } = await asked(engine, { capability: "shell.exec", resources });
    await expect(decideApproval(deskOf(engine), id, operator, always)).rejects.toThrow("begins like it");
  });

  test("said twice about the same makes one grant", async () => {
    const engine = await openAsking(estate);
    const [first, second] = [await waiting(engine, "x"), await waiting(engine, "x")];
    await decideApproval(deskOf(engine), first.id, operator, always);
    const grants = grantsOf(loadPolicy(estate.home.policy)).length;
    await decideApproval(deskOf(engine), second.id, operator, always);
    expect(grantsOf(loadPolicy(estate.home.policy))).toHaveLength(grants);
    expect(await entries(engine, "policy.changed")).toHaveLength(1);
  });

  test("never lifts what policy denies: it is refused then", async () => {
    const engine = await openAsking(estate);
    const { id } = await waiting(engine, "x");
    const policy = loadPolicy(estate.home.policy);
    const no = { id: "no", effect: "deny", principal: "*", capability: "fs.write:x", reason: "no" } as const;
    savePolicy(estate.home.policy, { ...policy, rules: [no, ...policy.rules] });
    expect(await rejection(decideApproval(deskOf(engine), id, operator, always))).toBe("failed_precondition");
    expect(effects(loadPolicy(estate.home.policy), "x")).toEqual(["deny"]);
  });
});
