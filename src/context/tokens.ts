/** How much of a model's context something takes: an estimate of one token for four characters, rounded up. */
import type { Message } from "../define/provider.ts";

const charsPerToken = 4;
const imageTokens = 1000;
/** What a message costs beside its words. */
const messageTokens = 4;

export function estimateTokens(text: string): number {
  return Math.ceil(text.length / charsPerToken);
}

export function estimateMessages(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + estimateMessage(message), 0);
}

function estimateMessage(message: Message): number {
  const own = messageTokens + estimateTokens(message.content);
  if (message.role === "assistant") {
    const { calls, continuation } = message;
    const carried = continuation === undefined ? "" : JSON.stringify(continuation);
    return own + estimateTokens(JSON.stringify(calls) + carried);
  }
  return message.role === "user" ? own + imageTokens * (message.images?.length ?? 0) : own;
}
