/** A connection to one of the vetted addresses of a place, and to nothing else. */
import { connect, type Socket } from "node:net";
import { Fault, systemErrorName } from "../core/fault.ts";
import { placeText } from "./host.ts";
import type { VettedPlace } from "./resolve.ts";

/** RFC 8305: how long one address is given before the next one is tried beside it. */
const head_start_ms = 250;

/**
 * The first connection that stands; the others are dropped. It is paused and can be half closed. Throws `unavailable`
 * when every address refuses, `deadline_exceeded`, and the signal's reason when aborted.
 */
export function dial(
  place: VettedPlace,
  options: { readonly timeout_ms: number; readonly signal?: AbortSignal },
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const waiting = [...place.addresses];
  const attempts = new Set<Socket>();
  let headStart: Timer | undefined;
  let lastProblem: unknown;

  const end = (settle: () => void) => {
    clearTimeout(headStart);
    clearTimeout(deadline);
    options.signal?.removeEventListener("abort", aborted);
    for (const socket of attempts) socket.destroy();
    attempts.clear();
    waiting.length = 0;
    settle();
  };
  const late = () => new Fault("deadline_exceeded", `${placeText(place)} did not answer in time`);
  const deadline = setTimeout(() => end(() => reject(late())), options.timeout_ms);
  const aborted = () => end(() => reject(options.signal?.reason));
  const next = () => {
    clearTimeout(headStart);
    const address = waiting.shift();
    if (address !== undefined) attempt(address);
    else if (attempts.size === 0) end(() => reject(unreachable(place, lastProblem)));
  };
  const attempt = (address: string) => {
    const socket = connect({ host: address, port: place.port, allowHalfOpen: true });
    attempts.add(socket);
    headStart = setTimeout(next, head_start_ms);
    const failed = (problem: unknown) => {
      if (!attempts.delete(socket)) return;
      lastProblem = problem;
      socket.destroy();
      next();
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      if (!attempts.delete(socket)) return;
      socket.pause();
      socket.setNoDelay(true);
      end(() => resolve(socket));
      socket.removeListener("error", failed);
    });
  };

  if (options.signal?.aborted) aborted();
  else {
    options.signal?.addEventListener("abort", aborted, { once: true });
    next();
  }
  return promise;
}

function unreachable(place: VettedPlace, cause: unknown): Fault {
  const name = systemErrorName(cause);
  return new Fault("unavailable", `${placeText(place)} cannot be reached${name ? ` (${name})` : ""}`, {
    hint: "check that the server runs there",
    cause,
  });
}
