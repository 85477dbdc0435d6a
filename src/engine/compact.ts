/** Keeps a conversation within the model's context: older messages give way to a summary, which the bundle keeps. */
import { asFault } from "../core/fault.ts";
import { fallbackSummary, headLength, planCompaction, summaryRequest, withSummary } from "../context/compaction.ts";
import type { Message } from "../define/provider.ts";
import type { EventOf } from "./recording.ts";
import type { Talk } from "./talk.ts";

/** The messages as they are when they fit, else fewer. `force` is for a model that said they do not fit. */
export async function compactMessages(
  talk: Talk,
  turn: number,
  messages: readonly Message[],
  force: boolean,
  notice: (name: string, detail: string) => void,
): Promise<readonly Message[]> {
  const recorded = talk.recording?.compaction(turn, force);
  if (recorded) return applySummary(messages, recorded);
  const { speaker, run, limits, meter } = talk;
  if (!speaker || !meter || speaker.model.provider === "offline" || talk.recording?.turn(turn)) return messages;
  const plan = planCompaction(messages, limits, { force });
  if (!plan) return messages;
  const summary = await summarise(talk, plan.dropped, notice);
  run.journal.append(
    { type: "compaction", ts: run.ts(), turn, summary, dropped: plan.dropped.length },
    { durable: false },
  );
  return withSummary(plan, summary);
}

/** The same again from the record. */
function applySummary(messages: readonly Message[], recorded: EventOf<"compaction">): readonly Message[] {
  const head = headLength(messages);
  const dropped = messages.slice(head, head + recorded.dropped);
  const kept = [...messages.slice(0, head), ...messages.slice(head + recorded.dropped)];
  return withSummary({ dropped, kept, head }, recorded.summary);
}

async function summarise(
  talk: Talk,
  dropped: readonly Message[],
  notice: (name: string, detail: string) => void,
): Promise<string> {
  const { speaker, meter, run } = talk;
  if (!speaker || !meter) return fallbackSummary(dropped);
  let text = "";
  try {
    const request = { messages: summaryRequest(dropped, talk.limits), tools: [], schema: null };
    for await (const event of speaker.model.stream(request, { signal: run.signal, meter })) {
      if (event.type === "text") text += event.text;
      else if (event.type === "retry") text = "";
      else if (event.type === "error") text = "";
    }
  } catch (thrown) {
    run.signal.throwIfAborted();
    notice("loop.summary_failed", asFault(thrown).message);
    text = "";
  }
  run.signal.throwIfAborted();
  const scrubbed = talk.scrubber().text(text).toWellFormed().trim();
  return scrubbed === "" ? fallbackSummary(dropped) : scrubbed;
}
