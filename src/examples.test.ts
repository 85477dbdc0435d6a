/** Every tool of the binary through an opened home, with what the domains really return instead of fakes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "./core/canonical.ts";
import { homeAt } from "./core/home.ts";
import { operator } from "./define/principal.ts";
import type { Engine } from "./engine/engine.ts";
import { initHome } from "./engine/init.ts";
import { openEngine } from "./engine/open.ts";
import { tools } from "./tools/index.ts";

const directory = mkdtempSync(join(tmpdir(), "reeve-examples-"));
let engine: Engine;

beforeAll(async () => {
  const home = homeAt(join(directory, "home"));
  const witness = join(directory, "outside", "witness");
  await initHome({ home, witness, agent: "default", profile: "observer", force: false });
  engine = await openEngine({ home, tools, providers: [], version: "test" });
  const { sessions } = engine.keeper;
  const place = { agent: "agent:default", channel: "cli", user: "ada", room: "terminal" };
  await sessions.create({ ...place, title: "t", created_at: "2026-01-01T00:00:00.000Z" });
  await engine.call(operator, "time.now", {});
});
afterAll(async () => {
  await engine.close();
  rmSync(directory, { recursive: true });
});

test.each(tools.flatMap((tool) => tool.examples.map((example) => [tool.name, example] as const)))(
  "%s %j returns what it declares, or says why it cannot",
  async (name, example) => {
    const result = await engine.call(operator, name, example as Json);
    if (!result.ok) expect(result.fault).not.toMatchObject({ code: "internal" });
  },
);

test.each([
  ["run.list", "runs"],
  ["agent.list", "agents"],
  ["session.list", "sessions"],
  ["tool.search", "tools"],
  ["policy.list", "grants"],
])("%s lists what there is", async (name, field) => {
  const result = await engine.call(operator, name, {});
  if (!result.ok) throw new Error(result.fault.message);
  expect((result.output as Readonly<Record<string, readonly Json[]>>)[field]?.length).toBeGreaterThan(0);
});
