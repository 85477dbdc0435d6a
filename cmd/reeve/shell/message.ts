/** What `ask` and `run` are told: typed words, a file, standard input; and who is thereby speaking. */
import { Fault } from "../../../src/core/fault.ts";
import { byteLength, cleanText, refuseNul } from "../../../src/core/text.ts";
import { largestMessage_bytes } from "../../../src/config/settings.ts";
import type { CommandContext } from "../../../src/define/command.ts";
import { readInputFile } from "./input.ts";

export interface MessageInput {
  readonly words?: readonly string[] | undefined;
  readonly message?: string | undefined;
  readonly message_file?: string | undefined;
}

export interface Spoken {
  readonly message: string;
  /** True only when the beginning of the message was typed as an argument: a file or a pipe is not the operator's hand. */
  readonly typed: boolean;
  /** Characters at the end of the message that came from a file or a pipe. */
  readonly attached_chars: number;
}

/**
 * The message, with standard input after it when there is some. Throws `invalid_argument` when it is given twice, is
 * empty, is not UTF-8, holds a NUL or is larger than `max_bytes`. How large it may be in this home is for the engine to say.
 */
export async function readMessage(
  ctx: CommandContext,
  input: MessageInput,
  max_bytes: number = largestMessage_bytes,
): Promise<Spoken> {
  const typed = typedMessage(input);
  if (typed !== undefined && input.message_file !== undefined) throw givenTwice();
  const filed = input.message_file === undefined ? undefined : messageFile(ctx, input.message_file, max_bytes);
  const given = typed ?? filed;
  // A directive is complete as typed; standard input would only break its JSON.
  const piped = given !== undefined && isDirective(given) ? undefined : await pipedMessage(ctx, max_bytes);
  const message = [given, piped].filter((part) => part !== undefined && part.trim() !== "").join("\n\n");
  if (message === "") {
    throw new Fault("invalid_argument", "there is no message", {
      hint: 'write reeve ask "what is using the disk?", or pipe it in',
    });
  }
  if (byteLength(message) > max_bytes) {
    throw new Fault("invalid_argument", `the message is larger than ${max_bytes} bytes`, {
      hint: "put it into a file of the workspace and name the file in the message",
    });
  }
  const isTyped = typed !== undefined && typed.trim() !== "";
  return { message, typed: isTyped, attached_chars: message.length - (isTyped ? typed.length : 0) };
}

/** True for `/tool` alone or followed by white space. */
export function isDirective(message: string): boolean {
  return /^\/tool(\s|$)/.test(message);
}

function typedMessage(input: MessageInput): string | undefined {
  const words = input.words?.length ? input.words.join(" ") : undefined;
  if (words !== undefined && input.message !== undefined) throw givenTwice();
  const typed = words ?? input.message;
  return typed === undefined ? undefined : refuseNul(typed, "the message");
}

function messageFile(ctx: CommandContext, path: string, max_bytes: number): string {
  return cleanText(readInputFile(path, ctx.cwd, max_bytes, "the message file"), `the message file ${path}`).trimEnd();
}

async function pipedMessage(ctx: CommandContext, max_bytes: number): Promise<string | undefined> {
  const bytes = await ctx.readStandardInput(max_bytes, "standard input");
  return bytes === undefined ? undefined : cleanText(bytes, "standard input").trimEnd();
}

function givenTwice(): Fault {
  return new Fault("invalid_argument", "the message is given more than once", {
    hint: "give it by position, with --message or with --message-file",
  });
}
