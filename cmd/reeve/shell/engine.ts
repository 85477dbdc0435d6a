/** The engine of this binary, opened for one command and closed after it, whatever happened. */
import { statSync } from "node:fs";
import { Fault } from "../../../src/core/fault.ts";
import { cleanText } from "../../../src/core/text.ts";
import type { CommandContext } from "../../../src/define/command.ts";
import type { Provider } from "../../../src/define/provider.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { openEngine } from "../../../src/engine/open.ts";
import { tools } from "../../../src/tools/index.ts";
import { readInputFile } from "./input.ts";

const maxPassphraseBytes = 4096;

/** `providers` are needed only by a conversation. */
export async function withEngine<T>(
  ctx: CommandContext,
  use: (engine: Engine) => Promise<T>,
  providers: readonly Provider[] = [],
): Promise<T> {
  const engine = await openEngine({
    home: ctx.home,
    tools,
    providers,
    version: ctx.version,
    environment: process.env,
    passphrase: () => askPassphrase(ctx, "Passphrase of the vault"),
  });
  try {
    for (const notice of engine.notices) ctx.note(notice);
    for (const id of engine.reconciled) ctx.note(`run ${id} was cut off earlier; see reeve runs show ${id}`);
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/** From `--passphrase-file`, else asked without echo, else undefined. */
export async function askPassphrase(ctx: CommandContext, question: string): Promise<string | undefined> {
  if (ctx.passphrase_file !== undefined) return readSecretFile(ctx.passphrase_file, ctx.cwd, maxPassphraseBytes);
  return ctx.prompts?.hidden(question);
}

/** The text of a file without the newline at its end. Refused when others may read the file or it is empty. */
export function readSecretFile(path: string, cwd: string, max_bytes: number): string {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (facts?.isFile() && (facts.mode & 0o077) !== 0) {
    throw new Fault("failed_precondition", `${path} can be read by other users`, { hint: `run chmod 600 '${path}'` });
  }
  const text = cleanText(readInputFile(path, cwd, max_bytes, "the file"), path).replace(/\r?\n$/, "");
  if (text === "") throw new Fault("invalid_argument", `${path} is empty`, { hint: "write the secret into it" });
  return text;
}
