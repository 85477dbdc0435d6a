/** An estate whose agent talks to a scripted model over HTTP, by the provider any server of that kind is reached with. */
import { afterEach, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../../core/canonical.ts";
import { agent } from "../../define/principal.ts";
import { setConfig } from "../../config/set.ts";
import { generic } from "../../providers/generic.ts";
import type { Script } from "../../providers/testdata/model/script.ts";
import { type Model, startModel } from "../../providers/testdata/model/server.ts";
import { tools as allTools } from "../../tools/index.ts";
import { compareWithManifest } from "../bundle.ts";
import type { Engine } from "../engine.ts";
import { readJournal, type RunEvent } from "../journal.ts";
import type { LiveEvent } from "../live.ts";
import type { EngineOptions } from "../open.ts";
import { manifestFiles, replayBundle } from "../replay.ts";
import type { RunRequest } from "../run-request.ts";
import type { RunResult } from "../run-result.ts";
import type { Estate } from "./estate.ts";

export const someone = agent("default");

export interface Talking {
  readonly engine: Engine;
  readonly model: Model;
}

/** Settings by dotted name, and grants and rules in place of the observer's. */
export interface Circumstances {
  readonly settings?: Readonly<Record<string, Json>>;
  readonly grants?: readonly string[];
  readonly ask?: readonly string[];
  readonly options?: Partial<EngineOptions>;
}

/** Opens the estate with every tool of the binary and a model that says `script`. The caller stops the model. */
export async function talk(estate: Estate, script: Script, circumstances: Circumstances = {}): Promise<Talking> {
  const model = await startModel(script);
  prepare(estate, model, circumstances);
  const { environment = {}, ...options } = circumstances.options ?? {};
  const engine = await estate.open({ tools: allTools, providers: [generic], environment, ...options });
  return { engine, model };
}

/** Puts what the circumstances say into config and policy. */
export function prepare(estate: Estate, model: Model, { settings = {}, grants, ask }: Circumstances): void {
  const base = {
    "model.provider": "generic",
    "model.name": "scripted-1",
    "providers.generic.base_url": model.url,
    "model.max_attempts": 1,
  };
  setConfig(estate.home.config, { ...base, ...settings }, { dry_run: false });
  if (!grants && !ask) return;
  const provenance = { by: "operator", via: "test", at: "2026-01-01T00:00:00.000Z" };
  const held = grants?.map((capability, i) => ({ id: `g${i}`, capability, expires_at: null, provenance }));
  const policy = JSON.parse(readFileSync(estate.home.policy, "utf8").replace(/^\s*\/\/.*$/gm, "")) as {
    agents: Record<string, { grants: unknown }>;
    rules: unknown;
  };
  if (held && policy.agents["default"]) policy.agents["default"].grants = held;
  policy.rules = (ask ?? []).map((capability, i) => ({
    id: `ask${i}`,
    effect: "ask",
    principal: "agent:*",
    capability,
    reason: "the owner wants to know",
  }));
  writeFileSync(estate.home.policy, JSON.stringify(policy));
}

export interface Outcome {
  readonly result: RunResult;
  readonly events: readonly RunEvent[];
  readonly live: readonly LiveEvent[];
  readonly bodies: readonly string[];
  readonly notices: readonly string[];
}

export type Conversing = (
  script: Script,
  circumstances?: Circumstances,
  over?: Partial<RunRequest>,
) => Promise<Outcome>;

/** Runs conversations in an estate; whatever comes of one that does not wait, its bundle is whole and replays byte for byte. */
export function conversing(estate: Estate): Conversing {
  const models = useModels();
  return async (script, circumstances = {}, over = {}) => {
    const { engine, model } = await talk(estate, script, circumstances);
    models.push(model);
    const live: LiveEvent[] = [];
    const request = {
      principal: someone,
      message: "do the work",
      source: "test",
      onEvent: (event: LiveEvent) => live.push(event),
    };
    const result = await engine.run({ ...request, ...over });
    const { events } = readJournal(join(result.bundle, "events.jsonl"));
    if (result.state !== "waiting") {
      expect(compareWithManifest(result.bundle, manifestFiles(result.bundle))).toEqual([]);
      expect(await replayBundle(result.bundle)).toMatchObject({ identical: true, differences: [] });
    }
    const notices = events.flatMap((event) => (event.type === "notice" ? [event.name] : []));
    return { result, events, live, bodies: model.requests.map(({ body }) => JSON.stringify(body)), notices };
  };
}

/** Models that are stopped after each test. */
export function useModels(): Model[] {
  const models: Model[] = [];
  afterEach(async () => {
    for (const model of models.splice(0)) await model.stop();
  });
  return models;
}
