/** The configured models can be asked: provider, model, address and key are there, and what they cost is known. */
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/settings.ts";
import { asFault } from "../core/fault.ts";
import { didYouMean } from "../core/nearest.ts";
import { type KeySource, keySource } from "../engine/keys.ts";
import type { Candidate } from "../engine/model/chain.ts";
import { modelsInReach, modelsOffered } from "../engine/model/offered.ts";
import { mostMicrousd } from "../engine/model/pricing.ts";
import { openPatientVault } from "./open.ts";
import { type Observation, ok, type Patient, type Probe } from "./probe.ts";

export const provider: Probe = {
  name: "provider",
  needs_home: true,
  async examine(patient) {
    const config = loadConfig(patient.home.config);
    const names = patient.providers.map((each) => each.name);
    const chosen = config.model.provider;
    if (!names.includes(chosen)) {
      const hint = didYouMean(chosen, names, `set model.provider to one of ${names.join(", ")}`);
      return [{ status: "fail", message: `this version has no provider ${JSON.stringify(chosen)}`, hint }];
    }
    if (chosen === "offline" && config.model.fallback.length === 0)
      return [ok("offline: no model, no key and no network needed")];
    return examineModels(patient, config);
  },
};

async function examineModels(patient: Patient, config: Config): Promise<readonly Observation[]> {
  const { providers, environment = {}, online = false } = patient;
  const vault = await openPatientVault(patient);
  try {
    const keys = keySource({ config, vault, environment });
    const found: Observation[] = [];
    for (const candidate of modelsInReach({ config, providers, keys })) {
      found.push(ok(reachText(candidate, keys)), ...pricing(candidate, config));
      if (online) found.push(await asked(candidate));
    }
    return found;
  } finally {
    vault.close();
  }
}

function reachText({ name, provider: by, endpoint }: Candidate, keys: KeySource): string {
  if (!endpoint) return `${name}: no key and no network needed`;
  const key = keys.key(by);
  const words = key ? `its key is in the ${key.from}` : by.reach?.key === "none" ? "it takes no key" : "without a key";
  return `${name} at ${new URL(endpoint.base_url).host}, ${words}`;
}

function pricing({ name, free, endpoint }: Candidate, { model, budget }: Config): readonly Observation[] {
  if (!endpoint || mostMicrousd({ name, free }, { input_tokens: 1, output_tokens: 1 }, model.prices) !== null)
    return [];
  const hint = "set model.prices, in US dollars per million tokens, as docs/specs/config.md says";
  const isLimited = [budget.run_usd, budget.agent_day_usd, budget.day_usd].some((limit) => limit !== null);
  if (!isLimited)
    return [
      {
        status: "warn",
        message: `no price of ${name} is set, so what it costs is known only where the provider says it`,
        hint,
      },
    ];
  return [{ status: "fail", message: `no price of ${name} is set, so a budget in US dollars refuses it`, hint }];
}

const patience_ms = 5000;

/** Asks for the list of models, which costs nothing. */
async function asked(candidate: Candidate): Promise<Observation> {
  const { name, model } = candidate;
  try {
    const offered = await modelsOffered(candidate, { signal: AbortSignal.timeout(patience_ms), patience_ms });
    if (!offered) return ok(`${name}: nothing lists its models`);
    if (model !== null && offered.includes(model)) return ok(`${name} is offered there now`);
    const message = `${name} is not among the ${offered.length} models offered there now`;
    return { status: "warn", message, hint: didYouMean(model ?? "", offered, "check model.name") };
  } catch (thrown) {
    const { message, hint } = asFault(thrown, name);
    return { status: "fail", message: `${name}: ${message}`, ...(hint === undefined ? {} : { hint }) };
  }
}
