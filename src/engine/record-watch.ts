/** Records of earlier runs as a run is handed them: what they failed with, wrote and were called may be a stranger's words. */
import type { RunsHandle, SessionsHandle } from "../define/handles.ts";
import type { QuarantineStore } from "../store/quarantine.ts";
import type { SessionStore } from "../store/sessions.ts";
import type { Catalogue } from "./catalogue.ts";
import type { CallScope } from "./scope.ts";

const strange = { untrusted: true, private: false } as const;

/** Why a run failed is told in the words of a model, a server or a program. */
export function watchRuns(
  runs: RunsHandle,
  quarantine: Pick<QuarantineStore, "seen">,
  catalogue: Pick<Catalogue, "find">,
  { taint, call_id }: CallScope,
): RunsHandle {
  const note = (isStrange: boolean, id: string) => isStrange && taint.met(call_id, strange, `run ${id}`);
  return {
    ...runs,
    list: async (filter) => {
      const found = await runs.list(filter);
      for (const { id, fault } of found.runs) note(fault !== null, id);
      return found;
    },
    get: async (id) => {
      const found = await runs.get(id);
      note(found !== undefined && found.fault !== null, id);
      return found;
    },
    metrics: async (filter) => {
      const found = await runs.metrics(filter);
      // A model may ask for a tool of any name.
      const isStrange = found.tools.some(({ tool }) => !catalogue.find(tool));
      if (isStrange) taint.met(call_id, strange, "names of tools that are none");
      return found;
    },
    files: async (id) => {
      const found = await runs.files(id);
      note(found.length > 0 && quarantine.seen(id) !== undefined, id);
      return found;
    },
  };
}

/**
 * A session is called what its first message began with. One whose first run is not over has not said what it brought; what
 * the run's own has brought, the run knows.
 */
export function watchSessions(
  sessions: SessionsHandle,
  store: Pick<SessionStore, "taint">,
  { taint, call_id }: CallScope,
): SessionsHandle {
  return {
    ...sessions,
    list: async (filter) => {
      const found = await sessions.list(filter);
      const own = taint.events.find((event) => event.type === "start")?.session;
      for (const { id, messages } of found.sessions.filter((each) => each.id !== own)) {
        const { untrusted } = await store.taint(id);
        if (untrusted || messages === 0) taint.met(call_id, strange, `session ${id}`);
      }
      return found;
    },
  };
}
