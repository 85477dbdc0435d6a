/** The way out of one program: a proxy of its own, on a socket only the program's user has, for as long as the program runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rfc3339 } from "../core/clock.ts";
import { utf8 } from "../core/text.ts";
import type { Program } from "../define/handles.ts";
import type { EgressDecision } from "../egress/connection.ts";
import { parseAuthority, placeText } from "../egress/host.ts";
import { openProxy } from "../egress/proxy.ts";
import { relayPort } from "../sandbox/walls.ts";
import { createScrubber, type Scrubber } from "../vault/scrub.ts";
import { decideTunnel, type EgressDesk } from "./egress-desk.ts";
import type { Door } from "./door.ts";
import type { Permits } from "./programs.ts";
import type { CallScope } from "./scope.ts";

export interface WayOut {
  readonly socket: string;
  /** What the program is told; it holds the token. */
  readonly url: string;
  /** Takes the token out of what the program said. */
  readonly scrubber: Pick<Scrubber, "text">;
  /** Ends its connections and the token. Throws when the end of one could not be recorded. */
  close(): Promise<void>;
}

/** A token outlives its program by this at most, should nobody be left to revoke it. */
const spare_ms = 60_000;

/**
 * Leads to the places the program names, and of those to what the call was allowed and policy still does not deny. Throws
 * the faults of a place that is malformed or not public, of the state and of the system. When the call is stopped its
 * connections end at once, and not only once the program is gone.
 */
export async function openWayOut(
  door: Door,
  { gate, record }: EgressDesk,
  scope: Pick<CallScope, "run_id" | "principal" | "signal">,
  permits: Permits,
  program: Pick<Program, "network" | "timeout_ms">,
  owner: { readonly uid: number; readonly gid: number },
  open: typeof openProxy = openProxy,
): Promise<WayOut> {
  const places = program.network.map((text) => parseAuthority(text, gate.named));
  const texts = new Set(places.map(placeText));
  const { run_id: run, principal } = scope;
  const name = principal.kind === "agent" ? principal.name : principal.kind;
  const { id, token } = gate.book.issue({
    run,
    agent: name,
    hosts: [...new Set(places.map(({ host }) => host))],
    ports: [...new Set(places.map(({ port }) => port))],
    methods: ["CONNECT"],
    expires_at: rfc3339(door.clock.now() + program.timeout_ms + spare_ms),
  });
  const decide = (question: { readonly host: string; readonly port: number }): EgressDecision => {
    const value = `CONNECT ${placeText(question)}`;
    const isNamed = texts.has(placeText(question)) && permits({ capability: "http.request", kind: "endpoint", value });
    if (!isNamed) return { allow: false, reason: `the call was not allowed ${value}` };
    return decideTunnel(door, principal, question, true);
  };
  const directory = mkdtempSync(join(tmpdir(), "reeve-way-"));
  const remove = () => {
    gate.book.revoke(id);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const socket = join(directory, "proxy.sock");
    const listen = { socket, owner };
    const proxy = await open({ ...gate, run, decide, record: (event) => record(principal, event), listen });
    // What it throws is thrown again by the close that is waited for.
    const cut = () => void proxy.close().catch(() => undefined);
    if (scope.signal.aborted) cut();
    else scope.signal.addEventListener("abort", cut, { once: true });
    const close = async () => {
      scope.signal.removeEventListener("abort", cut);
      try {
        await proxy.close();
      } finally {
        remove();
      }
    };
    const scrubber = createScrubber(new Map([["egress", utf8(token)]]));
    return { socket, url: `http://${run}:${token}@127.0.0.1:${relayPort}`, scrubber, close };
  } catch (thrown) {
    remove();
    throw thrown;
  }
}
