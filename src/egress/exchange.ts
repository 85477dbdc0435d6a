/** One request to one vetted address and its answer: a connection of its own, TLS always verified, nothing of the environment asked. */
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectSecure, rootCertificates, type TLSSocket } from "node:tls";
import { Fault, systemErrorName } from "../core/fault.ts";
import { addressFamily } from "./address.ts";
import { type Answer, AnswerReader, type HeaderLine } from "./answer.ts";
import { placeText, type Target } from "./host.ts";

export interface Exchange {
  readonly target: Target;
  /** The address that is dialled, whatever the name of the host leads to by now. */
  readonly address: string;
  readonly method: string;
  /** Names and values that hold no control characters. */
  readonly headers: readonly HeaderLine[];
  readonly body: Uint8Array | undefined;
  readonly max_bytes: number;
  /** Certificate authorities in PEM, besides those of the runtime. */
  readonly authorities: readonly string[];
  readonly signal: AbortSignal;
  /** After which an address that has not been reached is given up; null to wait for the signal. */
  readonly connect_timeout_ms: number | null;
}

export interface Traffic {
  /** Bytes of the request that were handed to the connection, and of the answer that came, TLS not counted. */
  bytes_up: number;
  bytes_down: number;
}

/** Throws `unavailable`, `failed_precondition` for a certificate that does not hold, or the signal's reason. */
export function exchange(request: Exchange, traffic: Traffic): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { target, signal } = request;
  const reader = new AnswerReader(request.method, request.max_bytes);
  signal.throwIfAborted();
  const socket = dial(request);
  const fail = (thrown: unknown) => reject(thrown instanceof Fault ? thrown : broken(target, thrown));
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const { connect_timeout_ms: patience_ms } = request;
  const late = () =>
    fail(new Fault("unavailable", `${placeText(target)} did not take the connection within ${patience_ms} ms`));
  const timer = patience_ms === null ? undefined : setTimeout(late, patience_ms);
  const finish = () => {
    if (reader.done) resolve(reader.answer());
  };
  const guarded = (step: () => void) => {
    try {
      step();
    } catch (thrown) {
      fail(thrown);
    }
  };
  socket.on(target.scheme === "https" ? "secureConnect" : "connect", () =>
    guarded(() => {
      if (target.scheme === "https" && !(socket as TLSSocket).authorized) {
        throw untrusted(target, (socket as TLSSocket).authorizationError);
      }
      clearTimeout(timer);
      const bytes = bytesOf(request);
      traffic.bytes_up += bytes.length;
      socket.write(bytes);
    }),
  );
  socket.on("data", (bytes: Uint8Array) =>
    guarded(() => {
      traffic.bytes_down += bytes.length;
      reader.push(bytes);
      finish();
    }),
  );
  const ended = () =>
    guarded(() => {
      if (!reader.done) reader.end();
      finish();
    });
  socket.on("end", ended);
  socket.on("close", ended);
  socket.on("error", fail);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    socket.destroy();
  });
}

function dial({ target, address, authorities }: Exchange): Socket {
  const { host, port } = target;
  if (target.scheme === "http") return connectPlain({ host: address, port });
  const isAddress = host.startsWith("[") || addressFamily(host) !== undefined;
  return connectSecure({
    host: address,
    port,
    ...(isAddress ? {} : { servername: host }),
    // Said here, NODE_TLS_REJECT_UNAUTHORIZED is not asked.
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    ...(authorities.length > 0 ? { ca: [...rootCertificates, ...authorities] } : {}),
  });
}

function bytesOf({ method, target, headers, body }: Exchange): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  const head = `${method} ${target.path}${target.query} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), ...(body ? [body] : [])]);
}

function broken(target: Target, cause: unknown): Fault {
  const name = systemErrorName(cause) ?? "";
  if (/CERT|TLS|SSL|SIGNATURE|ISSUER|SELF_SIGNED/.test(name)) return untrusted(target, cause);
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: "refused the connection",
    ECONNRESET: "closed the connection",
    EPIPE: "closed the connection",
  };
  const what = words[name] ?? `cannot be reached${name ? ` (${name})` : ""}`;
  return new Fault("unavailable", `${placeText(target)} ${what}`, { hint: "try again later", cause });
}

function untrusted(target: Target, cause: unknown): Fault {
  const name = typeof cause === "string" ? cause : (systemErrorName(cause) ?? "");
  return new Fault(
    "failed_precondition",
    `the certificate of ${placeText(target)} is not to be trusted${name ? ` (${name})` : ""}`,
    { hint: "check the address; the operator can add a private authority with egress.ca_file", cause },
  );
}
