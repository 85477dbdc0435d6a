/** `reeve setup`: init by questions, or by flags where nobody can be asked. */
import { resolve } from "node:path";
import * as v from "valibot";
import { existsSync } from "node:fs";
import { Fault } from "../../src/core/fault.ts";
import { type CommandContext, defineCommand, option, toggle } from "../../src/define/command.ts";
import type { Provider } from "../../src/define/provider.ts";
import { initHome } from "../../src/engine/init.ts";
import { readSecretFile } from "./shell/engine.ts";
import { homeText, profileNames } from "./shell/home.ts";
import { agentNamed } from "./shell/principal.ts";

const input = v.strictObject({
  provider: option(v.string(), "NAME", "the model provider; offline needs no key and no network"),
  workspace: option(v.string(), "DIR", "where agents' files live"),
  agent: option(v.string(), "NAME", "the first agent"),
  profile: option(v.picklist(profileNames), "NAME", "what that agent may do"),
  key: option(
    v.picklist(["file", "passphrase"]),
    "HOW",
    "how the vault's key is kept; passphrase needs --passphrase-file without a terminal",
  ),
  yes: toggle("take the default for everything not given"),
  force: toggle("put an existing home aside and make a new one"),
});

type Given = v.InferOutput<typeof input>;

interface Answers {
  readonly provider: string;
  readonly workspace: string;
  readonly agent: string;
  readonly profile: (typeof profileNames)[number];
  readonly passphrase: string | undefined;
}

const defaults = {
  provider: "offline",
  workspace: "workspace",
  agent: "default",
  profile: "observer",
  key: "file",
} as const;

export const setup = defineCommand({
  name: "setup",
  summary: "Make a new home by answering questions.",
  input,
  details: `
    On a terminal it asks for what the flags leave open. Elsewhere it takes flags and defaults, but never guesses all of
    them: without a single flag it stops and says which there are.

    --force never erases: the earlier home is renamed and its new name is printed.`,
  examples: [
    "reeve setup",
    "reeve setup --yes",
    "reeve setup --profile editor --key passphrase --passphrase-file pass.txt",
  ],
  async run(ctx, given) {
    refuseExisting(ctx, given);
    const { providers } = await import("../../src/providers/index.ts");
    const { provider, workspace, agent, profile, passphrase } = await answer(ctx, given, providers);
    checkProvider(provider, providers);
    const made = await initHome({
      home: ctx.newHome,
      workspace: resolve(ctx.newHome.root, workspace),
      agent,
      profile,
      force: given.force,
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    return { ...made, provider };
  },
  render: (result) =>
    `${homeText(result)}\nprovider ${result.provider}\nnext: reeve ask "how healthy is this machine?"`,
});

/** Before the questions, not after them. */
function refuseExisting(ctx: CommandContext, given: Given): void {
  if (given.force || !existsSync(ctx.newHome.state)) return;
  throw new Fault("already_exists", `there is a Reeve home in ${ctx.newHome.root} already`, {
    hint: "change it with `reeve config set`, or pass --force to put it aside and start a new one",
  });
}

function checkProvider(name: string, providers: readonly Provider[]): void {
  const names = providers.map((provider) => provider.name);
  if (names.includes(name)) return;
  throw new Fault("invalid_argument", `this version has no provider ${JSON.stringify(name)}`, {
    hint: `one of ${names.join(", ")}`,
  });
}

async function answer(ctx: CommandContext, given: Given, providers: readonly Provider[]): Promise<Answers> {
  const silent = given.yes || !ctx.prompts;
  const { yes: _, force: __, ...answers } = given;
  if (silent && !given.yes && Object.keys(answers).length === 0 && ctx.passphrase_file === undefined) {
    throw new Fault("invalid_argument", "setup asks questions, and there is no terminal to ask them on", {
      hint: "pass --yes for the defaults, or some of --provider --workspace --agent --profile --key",
    });
  }
  return silent ? fromFlags(ctx, given) : fromPerson(ctx, given, providers);
}

function fromFlags(ctx: CommandContext, given: Given): Answers {
  const wrapped = given.key === "passphrase" || (given.key === undefined && ctx.passphrase_file !== undefined);
  if (wrapped && ctx.passphrase_file === undefined) {
    throw new Fault("invalid_argument", "--key passphrase needs the passphrase", {
      hint: "pass --passphrase-file FILE",
    });
  }
  return {
    provider: given.provider ?? defaults.provider,
    workspace: given.workspace === undefined ? defaults.workspace : resolve(ctx.cwd, given.workspace),
    agent: agentNamed(given.agent ?? defaults.agent),
    profile: given.profile ?? defaults.profile,
    passphrase:
      wrapped && ctx.passphrase_file !== undefined ? readSecretFile(ctx.passphrase_file, ctx.cwd, 4096) : undefined,
  };
}

async function fromPerson(ctx: CommandContext, given: Given, providers: readonly Provider[]): Promise<Answers> {
  const { prompts } = ctx;
  if (!prompts) return fromFlags(ctx, given);
  const provider =
    given.provider ??
    (await prompts.choose(
      "Model provider",
      providers.map(({ name, summary }) => ({ value: name, label: `${name}: ${summary}` })),
      defaults.provider,
    ));
  const workspace =
    given.workspace === undefined
      ? await prompts.text("Workspace for agents' files", defaults.workspace)
      : resolve(ctx.cwd, given.workspace);
  const agent = agentNamed(given.agent ?? (await prompts.text("Name of the first agent", defaults.agent)));
  const profile =
    given.profile ?? profileNamed(await prompts.choose("What that agent may do", profileChoices, defaults.profile));
  const key =
    given.key ??
    (ctx.passphrase_file ? "passphrase" : await prompts.choose("Key of the vault", keyChoices, defaults.key));
  const passphrase = key === "passphrase" ? await newPassphrase(ctx) : undefined;
  return { provider, workspace, agent, profile, passphrase };
}

const profileChoices = [
  { value: "observer", label: "observer: look, change nothing" },
  { value: "editor", label: "editor: also write files of the workspace" },
  { value: "operator", label: "operator: everything an agent may ever do" },
] as const;

const keyChoices = [
  { value: "file", label: "a file in the home, readable by its owner only" },
  { value: "passphrase", label: "wrapped by a passphrase, asked for at every start" },
] as const;

function profileNamed(name: string): Answers["profile"] {
  return profileNames.find((each) => each === name) ?? defaults.profile;
}

async function newPassphrase(ctx: CommandContext): Promise<string> {
  if (ctx.passphrase_file !== undefined) return readSecretFile(ctx.passphrase_file, ctx.cwd, 4096);
  const first = await ctx.prompts?.hidden("New passphrase");
  const second = await ctx.prompts?.hidden("The same again");
  if (!first || first !== second) {
    throw new Fault("invalid_argument", first ? "the two passphrases differ" : "the passphrase is empty", {
      hint: "start setup again",
    });
  }
  return first;
}
