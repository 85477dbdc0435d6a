/** A run's place in a session: what was said before it, and what is kept of it. One run at a time holds a session. */
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import { isAlive, thisProcess } from "../core/owner.ts";
import { cut } from "../core/text.ts";
import { estimateTokens } from "../context/tokens.ts";
import { principalText } from "../define/principal.ts";
import type { Message } from "../define/provider.ts";
import type { SessionRow } from "../store/sessions.ts";
import type { RunEvent } from "./journal.ts";
import type { RunKeeper } from "./run.ts";
import type { RunRequest } from "./run-request.ts";

export interface Dialogue {
  readonly session: string;
  /** Oldest first. */
  readonly history: readonly Message[];
  leave(): Promise<void>;
}

const maxTitleBytes = 80;

/** Null for a run without a session. Throws `failed_precondition` while another run holds it. */
export async function joinSession(
  keeper: RunKeeper,
  request: Pick<RunRequest, "principal" | "session" | "message">,
  run_id: string,
  history_tokens: number,
  recorded?: string,
): Promise<Dialogue | null> {
  const session = recorded === undefined ? await chosen(keeper, request) : await keeper.sessions.get(recorded);
  if (!session) return null;
  const owner = thisProcess();
  if (!(await keeper.sessions.claim(session.id, run_id, owner, isAlive))) {
    throw new Fault("failed_precondition", `another run is under way in session ${session.id}`, {
      hint: "wait for it, cancel it, or start another session with --session new",
    });
  }
  const kept = history_tokens > 0 ? await keeper.sessions.tail(session.id, history_tokens) : [];
  return {
    session: session.id,
    history: kept.flatMap(({ role, content }): readonly Message[] => {
      if (role === "user") return [{ role, content }];
      return role === "assistant" ? [{ role, content, calls: [] }] : [];
    }),
    leave: async () => {
      await keeper.sessions.release(session.id, run_id);
    },
  };
}

/**
 * Keeps the message of a run and what came of it, before the run counts as over: where a process dies in between, whoever
 * ends the run comes by here again, and the same end is not kept twice.
 */
export async function rememberRun(
  { sessions }: Pick<RunKeeper, "sessions">,
  run_id: string,
  events: readonly RunEvent[],
): Promise<void> {
  const start = events.find((event) => event.type === "start");
  const end = events.findLast((event) => event.type === "end");
  if (start?.session === undefined || !end || end.state === "interrupted") return;
  const { session, message } = start;
  const created_at = end.ts;
  if (await sessions.holds(session, run_id, created_at)) return;
  const line = (role: string, content: string) => ({ role, content, tokens: estimateTokens(content), created_at });
  const tools = events.flatMap((event) =>
    event.type === "intent" || event.type === "refusal" ? [{ tool: event.tool, id: event.call }] : [],
  );
  await sessions.append(session, run_id, [
    line("user", message),
    ...tools.map((each) => line("tool", JSON.stringify(each))),
    line("assistant", end.answer || `[the run ended ${end.state}${end.fault ? `: ${end.fault.message}` : ""}]`),
  ]);
}

async function chosen(
  keeper: RunKeeper,
  { session: choice, principal, message }: Pick<RunRequest, "principal" | "session" | "message">,
): Promise<SessionRow | undefined> {
  if (!choice) return undefined;
  const agent = principalText(principal);
  const place = { ...choice.place, agent };
  if (choice.which !== "new" && choice.which !== "current") {
    const session = await keeper.sessions.get(choice.which);
    if (!session || session.agent !== agent) {
      throw new Fault("not_found", `${agent} has no session ${JSON.stringify(choice.which.slice(0, 64))}`, {
        hint: "see reeve sessions list",
      });
    }
    if (session.closed_at !== null) {
      throw new Fault("failed_precondition", `session ${session.id} was closed at ${session.closed_at}`, {
        hint: "start another one with --session new",
      });
    }
    await keeper.sessions.activate(place, session.id);
    return session;
  }
  const current = choice.which === "current" ? await keeper.sessions.active(place) : undefined;
  if (current) return current;
  const created_at = rfc3339(keeper.clock.now());
  const title = cut(message.replace(/\s+/g, " ").trim(), maxTitleBytes).text;
  const made = await keeper.sessions.create({ ...place, title, created_at });
  await keeper.sessions.activate(place, made.id);
  return made;
}
