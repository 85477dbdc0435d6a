/** `reeve setup`: init by questions, or by flags where nobody can be asked, with a model that was tried before it is kept. */
import { resolve } from "node:path";
import * as v from "valibot";
import { existsSync } from "node:fs";
import { Fault } from "../../src/core/fault.ts";
import { type CommandContext, defineCommand, option, toggle } from "../../src/define/command.ts";
import { initHome } from "../../src/engine/init.ts";
import { keyOrigin, secretsOf, settingsOf } from "./setup/choice.ts";
import { modelFromFlags, modelFromPerson } from "./setup/model.ts";
import { readSecretFile } from "./shell/engine.ts";
import { homeText, profileNames } from "./shell/home.ts";
import { agentNamed } from "./shell/principal.ts";

const input = v.strictObject({
  provider: option(v.string(), "NAME", "the model provider; offline needs no key and no network"),
  base_url: option(v.string(), "URL", "the provider's address, where it has none of its own or another one is meant"),
  model: option(v.string(), "NAME", "the provider's model"),
  api_key_file: option(v.string(), "FILE", "put the provider's key, read from this file, into the vault"),
  api_key_stdin: toggle("the same, read from standard input"),
  test: v.optional(
    v.pipe(v.boolean(), v.description("ask the model one small question first; --no-test leaves that out")),
    true,
  ),
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

/** The second half of setup: everything but the model. */
interface Answers {
  readonly workspace: string;
  readonly agent: string;
  readonly profile: (typeof profileNames)[number];
  readonly passphrase: string | undefined;
}

const defaults = { workspace: "workspace", agent: "default", profile: "observer", key: "file" } as const;

export const setup = defineCommand({
  name: "setup",
  summary: "Make a new home by answering questions.",
  input,
  details: `
    On a terminal it asks for what the flags leave open. Elsewhere it takes flags and defaults, but never guesses all of
    them: without a single flag it stops and says which there are.

    The provider's key goes into the vault. It is never a word of the command line, which other programs can read: it is
    asked for without echo, or read from a file or from standard input. A key that is in the environment stays there.

    The model is asked one small question before anything is written. One that does not answer can be kept, changed or
    given up on a terminal; elsewhere nothing is made.

    --force never erases: the earlier home is renamed and its new name is printed.`,
  examples: [
    "reeve setup",
    "reeve setup --yes",
    "reeve setup --provider anthropic --api-key-file key.txt --profile editor",
    "pass show openai | reeve setup --provider openai --model gpt-5-mini --api-key-stdin",
    "reeve setup --provider generic --base-url http://127.0.0.1:8080/v1 --model qwen3 --no-test",
    "reeve setup --profile editor --key passphrase --passphrase-file pass.txt",
  ],
  async run(ctx, given) {
    refuseExisting(ctx, given);
    const { providers } = await import("../../src/providers/index.ts");
    const asked = given.yes ? undefined : ctx.prompts;
    if (!asked) refuseNothing(ctx, given);
    // What costs nothing to find wrong is found first.
    const flagged = asked ? undefined : fromFlags(ctx, given);
    const { choice, answered_ms } = asked
      ? await modelFromPerson(ctx, asked, given, providers)
      : await modelFromFlags(ctx, given, providers);
    const { workspace, agent, profile, passphrase } = flagged ?? (await fromPerson(ctx, given));
    const made = await initHome({
      home: ctx.newHome,
      workspace: resolve(ctx.newHome.root, workspace),
      agent,
      profile,
      settings: settingsOf(choice),
      secrets: secretsOf(choice),
      force: given.force,
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    return { ...made, provider: choice.provider.name, model: choice.model, key: keyOrigin(choice), answered_ms };
  },
  render: (result) =>
    [
      homeText(result),
      `provider ${result.provider}`,
      ...(result.model === null ? [] : [`model ${result.model} (${triedText(result.answered_ms)})`]),
      ...(result.key === null ? [] : [`key ${result.key}`]),
      'next: reeve ask "how healthy is this machine?"',
    ].join("\n"),
});

function triedText(answered_ms: number | null): string {
  return answered_ms === null ? "not tried" : `answered in ${answered_ms} ms`;
}

/** Before the questions, not after them. */
function refuseExisting(ctx: CommandContext, given: Given): void {
  if (given.force || !existsSync(ctx.newHome.state)) return;
  throw new Fault("already_exists", `there is a Reeve home in ${ctx.newHome.root} already`, {
    hint: "change it with `reeve config set`, or pass --force to put it aside and start a new one",
  });
}

/** Where nobody can be asked, something must have been said. */
function refuseNothing(ctx: CommandContext, { yes, force: _, test: __, ...answers }: Given): void {
  const said = Object.values(answers).some((value) => value !== undefined && value !== false);
  if (yes || said || ctx.passphrase_file !== undefined) return;
  throw new Fault("invalid_argument", "setup asks questions, and there is no terminal to ask them on", {
    hint: "pass --yes for the defaults, or some of --provider --workspace --agent --profile --key",
  });
}

function fromFlags(ctx: CommandContext, given: Given): Answers {
  const wrapped = given.key === "passphrase" || (given.key === undefined && ctx.passphrase_file !== undefined);
  if (wrapped && ctx.passphrase_file === undefined) {
    throw new Fault("invalid_argument", "--key passphrase needs the passphrase", {
      hint: "pass --passphrase-file FILE",
    });
  }
  return {
    workspace: given.workspace === undefined ? defaults.workspace : resolve(ctx.cwd, given.workspace),
    agent: agentNamed(given.agent ?? defaults.agent),
    profile: given.profile ?? defaults.profile,
    passphrase:
      wrapped && ctx.passphrase_file !== undefined ? readSecretFile(ctx.passphrase_file, ctx.cwd, 4096) : undefined,
  };
}

async function fromPerson(ctx: CommandContext, given: Given): Promise<Answers> {
  const { prompts } = ctx;
  if (!prompts) return fromFlags(ctx, given);
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
  return { workspace, agent, profile, passphrase };
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
