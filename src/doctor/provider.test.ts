/** What the doctor says of models: by looking at the home alone, and of their addresses only when it may ask them. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../core/clock.ts";
import { type Home, homeAt } from "../core/home.ts";
import { setConfig } from "../config/set.ts";
import type { Json } from "../core/canonical.ts";
import { initHome } from "../engine/init.ts";
import { providers } from "../providers/index.ts";
import { startModel } from "../providers/testdata/model/server.ts";
import { examine } from "./examine.ts";
import type { Patient } from "./probe.ts";
import { provider } from "./provider.ts";

const place = mkdtempSync(join(tmpdir(), "reeve-doctor-provider-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

let home: Home;
beforeEach(() => {
  home = homeAt(mkdtempSync(join(place, "home-")));
});

const key = "sk-verysecret-0123456789";

async function look(
  settings: { readonly [field: string]: Json },
  { secrets = {}, ...means }: Pick<Patient, "environment" | "online"> & { secrets?: Record<string, string> } = {},
) {
  const witness = `${home.root}.witness`;
  await initHome({
    home,
    witness,
    agent: "a",
    profile: "observer",
    force: false,
    secrets: new Map(Object.entries(secrets)),
  });
  setConfig(home.config, settings, { dry_run: false });
  const patient = { home, tools: [], providers, version: "0", clock: systemClock, passphrase: async () => undefined };
  const findings = await examine({ ...patient, ...means }, { fix: false, probes: [provider] });
  expect(JSON.stringify(findings)).not.toContain("verysecret");
  return findings.map(({ status, message, hint = "" }) => [status, message, hint] as const);
}

const inOrder = ["ok", expect.any(String), ""] as const;
const prices = { "openai/m": { input_usd: 1, output_usd: 2 } };
const model = { "model.provider": "openai", "model.name": "m", "model.prices": prices };

test("a model with address, key and price is in order, and the key's place is named", async () => {
  const secrets = { "provider/openai/api_key": key };
  expect(await look(model, { secrets, environment: { OPENAI_API_KEY: "other-key" } })).toEqual([
    ["ok", "openai/m at api.openai.com, its key is in the vault", ""],
  ]);
});

test("a key in the environment is found there, and only in the one handed over", async () => {
  expect(await look(model, { environment: { OPENAI_API_KEY: key } })).toEqual([
    ["ok", "openai/m at api.openai.com, its key is in the environment", ""],
  ]);
});

test("a missing key is a failure that says where to put it", async () => {
  expect(await look(model)).toEqual([
    [
      "fail",
      "there is no key for the provider openai",
      expect.stringContaining("reeve secrets set provider/openai/api_key"),
    ],
  ]);
});

test("a missing model is a failure, and so is a missing address", async () => {
  expect(await look({ "model.provider": "ollama" })).toEqual([
    ["fail", "no model of ollama is chosen", expect.stringContaining("model.name")],
  ]);
  home = homeAt(mkdtempSync(join(place, "home-")));
  expect(await look({ "model.provider": "generic", "model.name": "m" })).toEqual([
    ["fail", "the provider generic has no address", "set providers.generic.base_url"],
  ]);
});

test("a missing price is a warning, and a failure where a budget in dollars needs it", async () => {
  const secrets = { "provider/openai/api_key": key };
  expect(await look({ ...model, "model.prices": {} }, { secrets })).toEqual([
    inOrder,
    ["warn", expect.stringContaining("no price of openai/m is set"), expect.stringContaining("model.prices")],
  ]);
  home = homeAt(mkdtempSync(join(place, "home-")));
  expect(await look({ ...model, "model.prices": {}, "budget.day_usd": 1 }, { secrets })).toEqual([
    inOrder,
    [
      "fail",
      "no price of openai/m is set, so a budget in US dollars refuses it",
      expect.stringContaining("model.prices"),
    ],
  ]);
});

test("a model that costs nothing needs no price, and a fallback is examined like the model itself", async () => {
  const free = { "model.provider": "ollama", "model.name": "m", "budget.day_usd": 1 };
  expect(await look({ ...free, "model.fallback": ["openai/m"] })).toEqual([
    ["fail", "there is no key for the provider openai", expect.any(String)],
  ]);
  home = homeAt(mkdtempSync(join(place, "home-")));
  expect(await look(free)).toEqual([["ok", "ollama/m at 127.0.0.1:11434, it takes no key", ""]]);
});

test("an address is asked only when that is allowed, and then says what it offers", async () => {
  const server = await startModel({ turns: [] });
  try {
    const at = { "model.provider": "ollama", "providers.ollama.base_url": server.url };
    expect(await look({ ...at, "model.name": "scripted-1" })).toHaveLength(1);
    expect(server.requests).toHaveLength(0);
    home = homeAt(mkdtempSync(join(place, "home-")));
    expect(await look({ ...at, "model.name": "scripted-1" }, { online: true })).toEqual([
      inOrder,
      ["ok", "ollama/scripted-1 is offered there now", ""],
    ]);
    home = homeAt(mkdtempSync(join(place, "home-")));
    expect(await look({ ...at, "model.name": "scripted-3" }, { online: true })).toEqual([
      inOrder,
      ["warn", "ollama/scripted-3 is not among the 2 models offered there now", expect.stringContaining("scripted-")],
    ]);
    expect(server.requests.map(({ path }) => path)).toEqual(["/v1/models", "/v1/models"]);
  } finally {
    await server.stop();
  }
});

test("an address where nobody answers is a failure when it is asked", async () => {
  const server = await startModel({ turns: [] });
  await server.stop();
  const at = { "model.provider": "ollama", "model.name": "m", "providers.ollama.base_url": server.url };
  expect(await look(at, { online: true })).toEqual([
    inOrder,
    ["fail", expect.stringMatching(/^ollama\/m: .* refused the connection$/), expect.any(String)],
  ]);
});
