/** `reeve secrets`: names in, values never out, except sealed for another vault. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import { writeAtomic } from "../../src/core/atomic.ts";
import { Fault } from "../../src/core/fault.ts";
import { cleanText } from "../../src/core/text.ts";
import {
  type CommandContext,
  defineCommand,
  defineGroup,
  described,
  option,
  toggle,
} from "../../src/define/command.ts";
import { commitChange } from "../../src/engine/vault-chain.ts";
import { openVault, type Vault } from "../../src/vault/vault.ts";
import { columns } from "./shell/columns.ts";
import { actAsOperator, requireAllowed, requireHome } from "./shell/control.ts";
import { askPassphrase, readSecretFile, withEngine } from "./shell/engine.ts";
import { readInputFile } from "./shell/input.ts";

const maxSecretBytes = 65_536;
const maxArchiveBytes = 64 * 1_048_576;

const nameField = described(v.string(), "NAME", "such as provider/openai/api_key");

const list = defineCommand({
  name: "secrets list",
  summary: "List the names of the stored secrets.",
  input: v.strictObject({}),
  run: (ctx) => withVault(ctx, async (vault) => ({ secrets: vault.list() })),
  render: ({ secrets }, paint) =>
    columns(
      secrets.map((each) => [each.name, String(each.version), each.created_at]),
      ["NAME", "VERSION", "CREATED"],
      paint,
      "no secrets",
    ),
});

const set = defineCommand({
  name: "secrets set",
  summary: "Store a secret, asked for without echo or read from standard input.",
  positionals: ["name"],
  input: v.strictObject({
    name: nameField,
    stdin: toggle("read the value from standard input, without its last newline"),
    allow: option(v.array(v.string()), "BINDING", "where it may be used, such as host:api.example.com or command:git"),
  }),
  excess_hint:
    "a secret is never typed as an argument: other programs can read those; leave it out and it is asked for",
  examples: [
    "reeve secrets set provider/openai/api_key",
    "pass show key | reeve secrets set provider/openai/api_key --stdin",
  ],
  async run(ctx, { name, stdin, allow }) {
    const value = stdin ? await secretFromStandardInput(ctx) : await secretFromPerson(ctx, name);
    const output = v.looseObject({ key: v.string(), updated: v.boolean(), version: v.number() });
    const { updated, version } = await actAsOperator(
      ctx,
      "secrets.set",
      { key: name, value, ...(allow ? { allow } : {}) },
      output,
    );
    return { name, updated, version };
  },
  render: ({ name, updated, version }) => `${updated ? "replaced" : "stored"} ${name} (version ${version})`,
});

const remove = defineCommand({
  name: "secrets remove",
  summary: "Delete a stored secret.",
  positionals: ["name"],
  input: v.strictObject({ name: nameField }),
  async run(ctx, { name }) {
    const { removed } = await actAsOperator(
      ctx,
      "secrets.remove",
      { key: name },
      v.looseObject({ removed: v.boolean() }),
    );
    if (removed) return { name, removed };
    throw new Fault("not_found", `there is no secret ${JSON.stringify(name)}`, { hint: "see reeve secrets list" });
  },
  render: ({ name }) => `removed ${name}`,
});

const rotate = defineCommand({
  name: "secrets rotate",
  summary: "Encrypt every stored secret again under a new key.",
  input: v.strictObject({}),
  run: (ctx) => actAsOperator(ctx, "secrets.rotate", {}, v.strictObject({ epoch: v.number() })),
  render: ({ epoch }) => `rotated to key epoch ${epoch}`,
});

const archiveFlags = {
  archive_passphrase_file: option(v.string(), "FILE", "the passphrase of the age file; asked for when absent"),
};

const exportAll = defineCommand({
  name: "secrets export",
  summary: "Write all secrets to an age file, for a passphrase or for recipients.",
  positionals: ["file"],
  input: v.strictObject({
    file: described(v.string(), "FILE", "the file to make; an existing one is refused"),
    recipient: option(v.array(v.string()), "AGE", "encrypt to this age1... recipient instead of a passphrase"),
    ...archiveFlags,
  }),
  details: "The file holds every secret: keep it and its passphrase apart.",
  async run(ctx, { file, recipient, archive_passphrase_file }) {
    const path = resolve(ctx.cwd, file);
    if (existsSync(path)) throw new Fault("already_exists", `${path} exists already`, { hint: "name a new file" });
    const to = recipient?.length
      ? { recipients: recipient }
      : { passphrase: await archivePassphrase(ctx, archive_passphrase_file, true) };
    return withEngine(ctx, (engine) =>
      withVault(ctx, async (vault) => {
        requireAllowed(ctx, "secrets.export");
        const bytes = await vault.exportAge(to);
        const count = vault.list().length;
        await engine.keeper.ledger.append({
          type: "vault.exported",
          actor: "operator",
          run: null,
          payload: { secrets: count },
        });
        writeAtomic(path, bytes, 0o600);
        return { file: path, secrets: count };
      }),
    );
  },
  render: ({ file, secrets }) => `exported ${secrets} secrets to ${file}`,
});

const importAll = defineCommand({
  name: "secrets import",
  summary: "Store the secrets of an age file made by secrets export.",
  positionals: ["file"],
  input: v.strictObject({
    file: described(v.string(), "FILE", "the age file"),
    identity_file: option(v.string(), "FILE", "an age identity (AGE-SECRET-KEY-...) instead of a passphrase"),
    ...archiveFlags,
  }),
  details: "All of them or none; a secret of the same name is replaced, and where it may be sent comes from the file.",
  async run(ctx, { file, identity_file, archive_passphrase_file }) {
    const bytes = readInputFile(file, ctx.cwd, maxArchiveBytes, "the age file");
    const key =
      identity_file === undefined
        ? { passphrase: await archivePassphrase(ctx, archive_passphrase_file, false) }
        : {
            identities: readSecretFile(resolve(ctx.cwd, identity_file), ctx.cwd, maxSecretBytes)
              .split("\n")
              .filter(isIdentity),
          };
    return withEngine(ctx, ({ keeper }) =>
      withVault(ctx, async (vault) => {
        requireAllowed(ctx, "secrets.write");
        const found = await vault.readAge(bytes, key);
        const entry = { actor: "operator", run: null, what: "import", name: null };
        await commitChange(keeper.ledger, vault, () => vault.stageImport(found), entry);
        return { imported: [...found.keys()].sort() };
      }),
    );
  },
  render: ({ imported }) => `imported ${imported.length} secrets${imported.map((name) => `\n${name}`).join("")}`,
});

export const secrets = defineGroup({
  name: "secrets",
  summary: "Store, list, rotate, export and import secrets.",
  commands: [list, set, remove, rotate, exportAll, importAll],
});

async function withVault<T>(ctx: CommandContext, use: (vault: Vault) => Promise<T>): Promise<T> {
  requireHome(ctx);
  const passphrase = (): Promise<string | undefined> => askPassphrase(ctx, "Passphrase of the vault");
  const vault = await openVault({ dir: ctx.home.vault, keys: ctx.home.keys, passphrase });
  try {
    return await use(vault);
  } finally {
    vault.close();
  }
}

async function secretFromStandardInput(ctx: CommandContext): Promise<string> {
  const bytes = await ctx.readStandardInput(maxSecretBytes, "the secret");
  const text = bytes === undefined ? "" : cleanText(bytes, "the secret").replace(/\r?\n$/, "");
  if (text === "") throw new Fault("invalid_argument", "standard input holds no secret", { hint: "pipe the value in" });
  return text;
}

async function secretFromPerson(ctx: CommandContext, name: string): Promise<string> {
  if (!ctx.prompts) {
    throw new Fault("invalid_argument", "there is no terminal to ask for the secret on", {
      hint: "pipe it in and pass --stdin",
    });
  }
  const value = await ctx.prompts.hidden(`Value of ${name}`);
  if (value === "")
    throw new Fault("invalid_argument", "the secret is empty", { hint: "use reeve secrets remove to delete one" });
  return value;
}

async function archivePassphrase(ctx: CommandContext, file: string | undefined, isNew: boolean): Promise<string> {
  if (file !== undefined) return readSecretFile(resolve(ctx.cwd, file), ctx.cwd, 4096);
  if (!ctx.prompts) {
    throw new Fault("invalid_argument", "there is no terminal to ask for the passphrase of the age file on", {
      hint: `pass --archive-passphrase-file FILE${isNew ? " or --recipient age1..." : " or --identity-file FILE"}`,
    });
  }
  const first = await ctx.prompts.hidden("Passphrase of the age file");
  if (isNew && first !== (await ctx.prompts.hidden("The same again"))) {
    throw new Fault("invalid_argument", "the two passphrases differ", { hint: "start again" });
  }
  return first;
}

function isIdentity(line: string): boolean {
  return line.trim() !== "" && !line.startsWith("#");
}
