/** Bytes between two sockets, counted before they pass, until one of the two or a limit ends both. */
import type { Socket } from "node:net";
import type { EgressDirection } from "../store/egress.ts";

export type TunnelEnd =
  "done" | "client_reset" | "server_reset" | "idle" | "time_up" | "used_up" | "token_over" | "uncounted" | "stopped";

export interface TunnelOptions {
  /** What the client sent before; it counts and goes first. */
  readonly first: Buffer;
  /** Asked before bytes pass; a reason ends the tunnel and they do not, and so does what it throws. */
  readonly take: (direction: EgressDirection, bytes: number) => "used_up" | "token_over" | undefined;
  readonly idle_timeout_ms: number;
  readonly total_timeout_ms: number;
  readonly signal: AbortSignal;
}

export interface TunnelResult {
  readonly reason: TunnelEnd;
  readonly bytes_up: number;
  readonly bytes_down: number;
}

/** Longer timers would fire at once. */
const longestTimer_ms = 2_147_483_647;

/** Both sockets are paused, can be half closed, and are closed when this resolves. It never rejects. */
export function tunnel(client: Socket, server: Socket, options: TunnelOptions): Promise<TunnelResult> {
  const { promise, resolve } = Promise.withResolvers<TunnelResult>();
  const passed = { up: 0, down: 0 };
  const open = new Set([client, server]);
  let isOver = false;

  const end = (reason: TunnelEnd) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(idle);
    clearTimeout(total);
    options.signal.removeEventListener("abort", stopped);
    client.destroy();
    // A stream that was cut must not look complete to the server.
    if (reason === "done" || server.destroyed) server.destroy();
    else server.resetAndDestroy();
    resolve({ reason, bytes_up: passed.up, bytes_down: passed.down });
  };
  const stopped = () => end("stopped");
  const idle = setTimeout(() => end("idle"), Math.min(options.idle_timeout_ms, longestTimer_ms));
  const total = setTimeout(() => end("time_up"), Math.max(Math.min(options.total_timeout_ms, longestTimer_ms), 0));

  const refusalOf = (direction: EgressDirection, bytes: number): TunnelEnd | undefined => {
    try {
      return options.take(direction, bytes);
    } catch {
      return "uncounted";
    }
  };
  const pass = (chunk: Buffer, direction: EgressDirection, from: Socket, to: Socket) => {
    if (isOver) return;
    const refusal = refusalOf(direction, chunk.length);
    if (refusal !== undefined) return end(refusal);
    passed[direction] += chunk.length;
    idle.refresh();
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => from.resume());
  };
  const join = (direction: EgressDirection, from: Socket, to: Socket, reset: TunnelEnd) => {
    from.on("data", (chunk: Buffer) => pass(chunk, direction, from, to));
    from.on("end", () => to.end());
    from.on("error", () => end(reset));
    from.on("close", () => {
      open.delete(from);
      if (!from.readableEnded) end(reset);
      else if (open.size === 0) end("done");
    });
  };

  join("up", client, server, "client_reset");
  join("down", server, client, "server_reset");
  if (options.signal.aborted) stopped();
  else options.signal.addEventListener("abort", stopped, { once: true });
  if (client.destroyed) end("client_reset");
  if (server.destroyed) end("server_reset");
  if (options.first.length > 0) pass(options.first, "up", client, server);
  if (!isOver) {
    if (!server.writableNeedDrain) client.resume();
    server.resume();
  }
  return promise;
}
