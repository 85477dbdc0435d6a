/** The first half of setup: which model answers. From flags where nobody can be asked, else by questions, and tried out. */
import { resolve } from "node:path";
import { asFault, Fault } from "../../../src/core/fault.ts";
import { cleanText } from "../../../src/core/text.ts";
import { didYouMean } from "../../../src/core/nearest.ts";
import type { CommandContext, Prompts } from "../../../src/define/command.ts";
import type { Provider } from "../../../src/define/provider.ts";
import { readSecretFile } from "../shell/engine.ts";
import { harmless } from "../shell/output.ts";
import { checkAddress, checkKey, type ModelChoice, plainNames, variableOf } from "./choice.ts";
import { findServers, type LocalServer } from "./servers.ts";
import { listModels, tryModel } from "./trial.ts";

/** The flags about the model. */
export interface ModelFlags {
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly base_url?: string | undefined;
  readonly api_key_file?: string | undefined;
  readonly api_key_stdin?: boolean | undefined;
  readonly test: boolean;
}

/** What the questions need of the command line. */
export type Shell = Pick<CommandContext, "signal" | "cwd" | "note" | "readStandardInput">;

export interface ChosenModel {
  readonly choice: ModelChoice;
  /** Milliseconds its answer to the test question took; null when it was not asked or did not answer. */
  readonly answered_ms: number | null;
}

const maxKey_bytes = 4096;

/** Throws `invalid_argument` for flags that cannot go together or leave something open, before a key is read. */
export async function modelFromFlags(
  ctx: Shell,
  flags: ModelFlags,
  providers: readonly Provider[],
): Promise<ChosenModel> {
  const provider = providerNamed(flags.provider ?? "offline", providers);
  checkFlags(provider, flags);
  const base_url = flags.base_url === undefined ? null : checkAddress(flags.base_url);
  const model = flags.model ?? provider.reach?.default_model ?? null;
  if (provider.reach && base_url === null && provider.reach.base_url === null) {
    throw missing(
      `${provider.name} has no address of its own`,
      "pass --base-url URL, such as http://127.0.0.1:8080/v1",
    );
  }
  if (provider.reach && model === null) throw missing(`no model of ${provider.name} is named`, "pass --model NAME");
  const key = await givenKey(ctx, flags);
  const choice = { provider, base_url, model, key };
  if (!provider.reach) return { choice, answered_ms: null };
  if (flags.test) return { choice, answered_ms: await tryWhole(ctx, choice, providers) };
  if (needsKey(choice))
    ctx.note(`${provider.name} has no key yet: reeve secrets set provider/${provider.name}/api_key`);
  return { choice, answered_ms: null };
}

async function tryWhole(ctx: Shell, choice: ModelChoice, providers: readonly Provider[]): Promise<number> {
  if (needsKey(choice)) {
    const variables = choice.provider.reach?.key_env.join(" or ");
    throw missing(
      `${choice.provider.name} needs a key`,
      `pass --api-key-file FILE or --api-key-stdin, or set ${variables}`,
    );
  }
  try {
    return await tryModel(choice, providers, ctx);
  } catch (thrown) {
    const fault = asFault(thrown);
    if (ctx.signal.aborted) throw fault;
    const hint = "nothing was made; check the flags, or pass --no-test to make the home all the same";
    throw new Fault(fault.code, `${nameOf(choice)} did not answer: ${fault.message}`, { hint, cause: fault });
  }
}

/** Asks for what the flags leave open; a model that does not answer can be kept, changed or given up. */
export async function modelFromPerson(
  ctx: Shell,
  prompts: Prompts,
  flags: ModelFlags,
  providers: readonly Provider[],
  find: typeof findServers = findServers,
): Promise<ChosenModel> {
  const servers = flags.provider === undefined ? await find(ctx.signal) : [];
  ctx.signal.throwIfAborted();
  for (let open = flags; ; open = { test: flags.test }) {
    const choice = await ask(ctx, prompts, open, providers, servers);
    if (!choice.provider.reach || !flags.test) return { choice, answered_ms: null };
    ctx.note(`asking ${nameOf(choice)} one small question`);
    let why: Fault;
    try {
      return { choice, answered_ms: await tryModel(choice, providers, ctx) };
    } catch (thrown) {
      why = asFault(thrown);
      if (ctx.signal.aborted || why.code === "internal") throw why;
    }
    const question = harmless(`${nameOf(choice)} did not answer: ${why.message}`);
    const answer = await prompts.choose(question, afterFailure, "change");
    if (answer === "keep") return { choice, answered_ms: null };
    if (answer === "abort") throw new Fault("canceled", "setup was given up, and nothing was made");
  }
}

const afterFailure = [
  { value: "change", label: "choose again" },
  { value: "keep", label: "keep it as it is" },
  { value: "abort", label: "give up; nothing is made" },
] as const;

async function ask(
  ctx: Shell,
  prompts: Prompts,
  flags: ModelFlags,
  providers: readonly Provider[],
  servers: readonly LocalServer[],
): Promise<ModelChoice> {
  const { provider, server } =
    flags.provider === undefined
      ? await askProvider(prompts, providers, servers)
      : { provider: providerNamed(flags.provider, providers), server: undefined };
  checkFlags(provider, flags);
  if (!provider.reach) return { provider, base_url: null, model: null, key: null };
  const base_url = flags.base_url ?? (await askAddress(prompts, provider, server));
  if (base_url !== null) checkAddress(base_url);
  const key = (await givenKey(ctx, flags)) ?? (await askKey(prompts, provider, server));
  const choice = { provider, base_url, model: null, key };
  return { ...choice, model: flags.model ?? (await askModel(ctx, prompts, choice, providers, server)) };
}

async function askProvider(prompts: Prompts, providers: readonly Provider[], servers: readonly LocalServer[]) {
  const choices = [
    ...servers.map(({ provider, base_url, models }, i) => ({
      value: `server ${i}`,
      label: `${provider} at ${new URL(base_url).host}: running here with ${modelsText(models)}`,
    })),
    ...providers.map(({ name, summary }) => ({ value: name, label: `${name}: ${summary}` })),
  ];
  const answer = await prompts.choose("Model provider", choices, "offline");
  const server = servers.find((_, i) => answer === `server ${i}`);
  return { provider: providerNamed(server?.provider ?? answer, providers), server };
}

function modelsText(models: readonly string[]): string {
  return models.length === 1 ? (models[0] ?? "") : `${models.length} models`;
}

async function askAddress(
  prompts: Prompts,
  { name, reach }: Provider,
  server: LocalServer | undefined,
): Promise<string | null> {
  if (server) return server.base_url === reach?.base_url ? null : server.base_url;
  if (reach?.base_url !== null) return null;
  const ask = (question: string) => prompts.text(question, "http://127.0.0.1:8080/v1");
  return until(`Address of ${name}`, ask, (typed) => checkAddress(typed.trim()));
}

async function askKey(prompts: Prompts, provider: Provider, server: LocalServer | undefined): Promise<string | null> {
  const { name, reach } = provider;
  // Whoever lists models here without a key answers without one.
  if (reach?.key === "none" || server) return null;
  const variable = variableOf(provider);
  const otherwise = variable ? ` (empty to take ${variable})` : reach?.key === "optional" ? " (empty for none)" : "";
  const read = (typed: string) => (typed.trim() === "" ? null : checkKey(typed));
  return until(`Key of ${name}${otherwise}`, async (question) => (await prompts.hidden(question)) ?? "", read);
}

/** More would not fit on a screen: then the name is typed. */
const mostChoices = 30;

async function askModel(
  ctx: Shell,
  prompts: Prompts,
  choice: ModelChoice,
  providers: readonly Provider[],
  server: LocalServer | undefined,
): Promise<string> {
  const { name, reach } = choice.provider;
  const usual = reach?.default_model ?? null;
  const offered = server?.models ?? (await offeredOf(ctx, choice, providers));
  if (offered.length > mostChoices) ctx.note(`${name} offers ${offered.length} models`);
  if (offered.length > 0 && offered.length <= mostChoices) {
    const choices = [...offered.map((each) => ({ value: each, label: each })), { value: "", label: "another one" }];
    const first = usual !== null && offered.includes(usual) ? usual : (offered[0] ?? "");
    const answer = await prompts.choose(`Model of ${name}`, choices, first);
    if (answer !== "") return answer;
  }
  const ask = (question: string) => prompts.text(question, usual ?? "");
  return until(`Name of the model of ${name}`, ask, (typed) => {
    if (typed.trim() === "") throw missing("a model must be named", "pass --model NAME");
    return typed.trim();
  });
}

/** Asks until the answer can be read, and says in the question why the last one could not. */
async function until<T>(
  question: string,
  ask: (question: string) => Promise<string>,
  read: (typed: string) => T,
): Promise<T> {
  for (let words = question; ;) {
    const typed = await ask(words);
    try {
      return read(typed);
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code !== "invalid_argument") throw fault;
      words = harmless(`${question}: ${fault.message}`);
    }
  }
}

/** A list that cannot be had is no reason to stop: the name can be typed, and whether it answers is found out next. */
async function offeredOf(ctx: Shell, choice: ModelChoice, providers: readonly Provider[]): Promise<readonly string[]> {
  try {
    return plainNames((await listModels(choice, providers, ctx.signal)) ?? []);
  } catch (thrown) {
    const fault = asFault(thrown);
    if (ctx.signal.aborted || fault.code === "internal") throw fault;
    ctx.note(`the models of ${choice.provider.name} cannot be listed: ${fault.message}`);
    return [];
  }
}

function providerNamed(name: string, providers: readonly Provider[]): Provider {
  const found = providers.find((provider) => provider.name === name);
  if (found) return found;
  const names = providers.map((provider) => provider.name);
  throw new Fault("invalid_argument", `this version has no provider ${JSON.stringify(name)}`, {
    hint: didYouMean(name, names, `one of ${names.join(", ")}`),
  });
}

function checkFlags({ name, reach }: Provider, flags: ModelFlags): void {
  if (flags.api_key_file !== undefined && flags.api_key_stdin) {
    throw missing("--api-key-file and --api-key-stdin name two places for one key", "pass one of them");
  }
  const hasKey = flags.api_key_file !== undefined || flags.api_key_stdin === true;
  if (hasKey && (!reach || reach.key === "none")) throw missing(`${name} takes no key`, "leave the key out");
  if (!reach && (flags.model !== undefined || flags.base_url !== undefined)) {
    throw missing(`${name} has neither models nor an address`, "pass --provider NAME with them");
  }
}

async function givenKey(ctx: Shell, flags: ModelFlags): Promise<string | null> {
  if (flags.api_key_file !== undefined)
    return checkKey(readSecretFile(resolve(ctx.cwd, flags.api_key_file), ctx.cwd, maxKey_bytes));
  if (!flags.api_key_stdin) return null;
  const bytes = await ctx.readStandardInput(maxKey_bytes, "the key");
  if (bytes === undefined) throw missing("standard input holds no key", "pipe it in");
  return checkKey(cleanText(bytes, "the key"));
}

function needsKey({ provider, key }: ModelChoice): boolean {
  return provider.reach?.key === "required" && key === null && variableOf(provider) === undefined;
}

function nameOf({ provider, model }: ModelChoice): string {
  return model === null ? provider.name : `${provider.name}/${model}`;
}

function missing(message: string, hint: string): Fault {
  return new Fault("invalid_argument", message, { hint });
}
