/** What is written down of a connection through the proxy. No path, header or byte of what passes is in it. */
import type { TunnelEnd } from "./tunnel.ts";

export interface EgressEvent {
  readonly event: "egress.open" | "egress.refused" | "egress.closed";
  /** The same for the events of one connection. */
  readonly connection: string;
  /** Null while the token was not verified. */
  readonly run: string | null;
  readonly agent: string | null;
  /** Null while the request could not be read. */
  readonly host: string | null;
  readonly port: number | null;
  /** Of `open`, all that were vetted; of `closed`, the one that was dialled; of `refused`, the one that was not public. */
  readonly addresses: readonly string[];
  readonly bytes_up: number;
  readonly bytes_down: number;
  /** `allowed` of `open`, words of a fault of `refused`. */
  readonly reason: string;
}

/** Why a connection that was opened is over. */
export type ClosedReason = TunnelEnd | "unreachable" | "no_hello" | "not_tls" | "no_server_name" | "wrong_server_name";
