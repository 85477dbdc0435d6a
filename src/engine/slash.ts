/** Slash commands of a conversation: which session comes next, and which there are. Any other `/word` is text for the model. */
import { Fault } from "../core/fault.ts";
import { isId } from "../core/id.ts";
import type { SessionPlace, SessionRow, SessionStore } from "../store/sessions.ts";

/** `which` is an id or `new`, as a run is asked for with it; `text` is what is then said, null for nothing yet. */
export type Slash =
  | { readonly command: "new" | "resume"; readonly which: string; readonly text: string | null }
  | { readonly command: "chats" };

/**
 * `/new [text]`, `/resume ID [text]`, `/chats` and `/sessions`, each as exactly that word at the very beginning; undefined
 * for anything else. Throws `invalid_argument` for a `/resume` without the full id of a session: nothing is guessed.
 */
export function parseSlash(message: string): Slash | undefined {
  const [, word = "", rest = ""] = /^(\/[a-z]+)(?:\s+([\s\S]*))?$/.exec(message.trimEnd()) ?? [];
  if (word === "/new") return { command: "new", which: "new", text: rest || null };
  if ((word === "/chats" || word === "/sessions") && rest === "") return { command: "chats" };
  if (word !== "/resume") return undefined;
  const [, id = "", text = ""] = /^(\S*)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (isId(id)) return { command: "resume", which: id, text: text || null };
  const named =
    id === "" ? "/resume names no session" : `${JSON.stringify(id.slice(0, 64))} is not the id of a session`;
  throw new Fault("invalid_argument", named, { hint: "write /resume and an id that /chats shows, all of it" });
}

const shown = 10;

/** The open sessions of a place, the last used first, 10 at most. */
export async function chatsAt(sessions: SessionStore, place: SessionPlace): Promise<readonly SessionRow[]> {
  return (await sessions.list({ ...place, include_closed: false, limit: shown, offset: 0 })).rows;
}

/**
 * The session a person at a place may go on with. Throws `not_found` for one that is not there, closed, or at home
 * anywhere else: of what others say elsewhere not even the existence is told.
 */
export async function resumableAt(sessions: SessionStore, place: SessionPlace, id: string): Promise<SessionRow> {
  const row = await sessions.get(id);
  const isHere =
    row?.agent === place.agent &&
    row.channel === place.channel &&
    row.user === place.user &&
    row.room === place.room &&
    row.closed_at === null;
  if (isHere) return row;
  throw new Fault("not_found", `there is no open session ${JSON.stringify(id.slice(0, 64))} here`, {
    hint: "see /chats for those there are",
  });
}
