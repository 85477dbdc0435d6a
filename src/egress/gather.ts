/** The first bytes a socket sends, collected until they make sense and never more than is allowed. */
import type { Socket } from "node:net";
import { Fault } from "../core/fault.ts";

export interface GatherLimits {
  /** What is not understood by then is refused. */
  readonly max_bytes: number;
  readonly timeout_ms: number;
  readonly signal: AbortSignal;
}

/**
 * What `read` makes of the bytes so far, once it makes something, with all of them; the socket is left paused. Throws
 * `resource_exhausted` beyond the limit, `deadline_exceeded` in the end, `canceled` when the socket ends first, whatever
 * `read` throws, and the signal's reason.
 */
export function gather<T>(
  socket: Socket,
  read: (bytes: Buffer) => T | undefined,
  limits: GatherLimits,
): Promise<{ readonly value: T; readonly bytes: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly value: T; readonly bytes: Buffer }>();
  let bytes: Buffer = Buffer.alloc(0);
  const end = (settle: () => void) => {
    clearTimeout(timer);
    socket.pause();
    socket.off("data", take).off("end", gone).off("close", gone).off("error", gone);
    limits.signal.removeEventListener("abort", aborted);
    settle();
  };
  const fail = (code: "resource_exhausted" | "deadline_exceeded" | "canceled", words: string) =>
    end(() => reject(new Fault(code, words)));
  const take = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    try {
      const value = read(bytes);
      if (value !== undefined) end(() => resolve({ value, bytes }));
      else if (bytes.length > limits.max_bytes)
        fail("resource_exhausted", `more than ${limits.max_bytes} bytes were sent`);
    } catch (thrown) {
      end(() => reject(thrown));
    }
  };
  const gone = () => fail("canceled", "the connection was closed");
  const aborted = () => end(() => reject(limits.signal.reason));
  const timer = setTimeout(() => fail("deadline_exceeded", "nothing complete was sent in time"), limits.timeout_ms);
  if (limits.signal.aborted) aborted();
  else if (socket.destroyed || socket.readableEnded) gone();
  else {
    limits.signal.addEventListener("abort", aborted, { once: true });
    socket.on("data", take).on("end", gone).on("close", gone).on("error", gone);
    socket.resume();
  }
  return promise;
}
