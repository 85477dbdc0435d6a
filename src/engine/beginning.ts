/** What is in a run's context before its first turn: what the message, its attachments, the session and the notes bring. */
import type { RunInput } from "./journal.ts";
import type { RunRequest } from "./run-request.ts";
import { isSaid } from "./said.ts";
import type { Bits } from "./bits.ts";
import type { RunTaint } from "./taint.ts";

export interface Beginning {
  readonly request: Pick<RunRequest, "message" | "attached_chars" | "source" | "images">;
  /** What the messages of the session have brought; null where nothing of them is told. */
  readonly session: Bits | null;
  /** Whether AGENTS.md was written by a run that had read strangers' words. */
  readonly has_strange_notes: boolean;
  /** The run that asked for this one. */
  readonly parent: { readonly run_id: string; readonly taint: RunTaint } | null;
  readonly scrub: (text: string) => string;
}

export function beginningOf(beginning: Beginning): Pick<RunInput, "taint" | "typed_chars"> {
  const { request, session, has_strange_notes, parent, scrub } = beginning;
  const { message, images = [] } = request;
  const isTold = parent === null || isSaid(message, parent.taint.trusted);
  const typed = parent === null ? typedPart(request) : isTold ? message : "";
  const taint = [
    // A pipe or a file holds what somebody else may have written, and what was not written for the world.
    ...(parent === null && typed.length < message.length ? [{ from: "message", untrusted: true, private: true }] : []),
    ...(parent !== null && !isTold ? [{ from: `run ${parent.run_id}`, ...parent.taint.bits }] : []),
    ...(images.length ? [{ from: "images", untrusted: true, private: true }] : []),
    ...(session ? [{ from: "session", ...session }] : []),
    ...(has_strange_notes ? [{ from: "AGENTS.md", untrusted: true, private: false }] : []),
  ].filter((each) => each.untrusted || each.private);
  return {
    ...(taint.length ? { taint } : {}),
    ...(typed.length < message.length ? { typed_chars: shownChars(typed, message, scrub) } : {}),
  };
}

/** The beginning of the message, which a person typed. */
function typedPart({ message, attached_chars, source }: Beginning["request"]): string {
  const attached = attached_chars ?? (source === "stdin" ? message.length : 0);
  return message.slice(0, Math.max(0, message.length - attached));
}

/** How long the typed part is in the recorded message, from which secrets are gone; 0 where one lies across its end. */
function shownChars(typed: string, message: string, scrub: (text: string) => string): number {
  const shown = scrub(typed);
  return scrub(message).startsWith(shown) ? shown.length : 0;
}
