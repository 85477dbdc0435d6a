/** An estate whose agent talks to a scripted model over HTTP, by the provider any server of that kind is reached with. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Json } from "../../core/canonical.ts";
import { agent } from "../../define/principal.ts";
import { setConfig } from "../../config/set.ts";
import { generic } from "../../providers/generic.ts";
import type { Script } from "../../providers/testdata/model/script.ts";
import { type Model, startModel } from "../../providers/testdata/model/server.ts";
import { tools as allTools } from "../../tools/index.ts";
import type { Engine } from "../engine.ts";
import type { EngineOptions } from "../open.ts";
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
