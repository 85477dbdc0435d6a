/**
 * The proxy between agents' programs and the world: it opens tunnels to vetted addresses for bearers of a token, when
 * policy agrees and the record has it, and to the very host a TLS client asks for.
 */
import { chmodSync, chownSync, lstatSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { asFault, Fault } from "../core/fault.ts";
import { type Gate, type ProxyLimits, serve } from "./connection.ts";

export interface ProxyOptions extends Gate {
  /** A socket in a directory of its owner's alone, which `owner` may use besides ourselves; or a port. */
  readonly listen:
    | { readonly socket: string; readonly owner?: { readonly uid: number; readonly gid: number } }
    | { readonly address: string; readonly port: number };
  readonly limits?: Partial<ProxyLimits>;
}

const usualLimits: ProxyLimits = {
  max_connections: 256,
  head_timeout_ms: 10_000,
  dial_timeout_ms: 15_000,
  hello_timeout_ms: 10_000,
  idle_timeout_ms: 300_000,
  total_timeout_ms: 86_400_000,
};

/** Throws `failed_precondition` for a directory others may reach, and the faults of the system. */
export async function openProxy(options: ProxyOptions): Promise<EgressProxy> {
  const proxy = new EgressProxy(options);
  await proxy.listen();
  return proxy;
}

class EgressProxy {
  readonly #options: ProxyOptions;
  readonly #limits: ProxyLimits;
  readonly #server: Server;
  readonly #stop = new AbortController();
  readonly #open = new Set<Promise<void>>();
  readonly #unrecorded: unknown[] = [];

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#limits = { ...usualLimits, ...options.limits };
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  /** Undefined for a socket in the file system. */
  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : undefined;
  }

  async listen(): Promise<void> {
    const where = this.#options.listen;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", (cause) => reject(asFault(cause, "the egress proxy cannot listen")));
    if ("socket" in where) {
      checkDirectory(dirname(where.socket), where.owner?.uid);
      this.#server.listen(where.socket, resolve);
    } else this.#server.listen(where.port, where.address, resolve);
    await promise;
    if (!("socket" in where)) return;
    chmodSync(where.socket, 0o600);
    if (where.owner) chownSync(where.socket, where.owner.uid, where.owner.gid);
  }

  /** Ends every connection and waits until each is recorded. Throws the fault of a record that could not be written. */
  async close(): Promise<void> {
    this.#stop.abort(new Fault("canceled", "the proxy was closed"));
    this.#server.close();
    while (this.#open.size > 0) await Promise.all(this.#open);
    if (this.#unrecorded.length > 0) throw asFault(this.#unrecorded[0], "the record of a connection");
  }

  #accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.#stop.signal.aborted) {
      socket.destroy();
      return;
    }
    const isFull = this.#open.size >= this.#limits.max_connections;
    const service = { ...this.#options, limits: this.#limits, signal: this.#stop.signal };
    const served = serve(socket, service, isFull)
      .catch((thrown: unknown) => {
        this.#unrecorded.push(thrown);
      })
      .finally(() => {
        socket.destroy();
        this.#open.delete(served);
      });
    this.#open.add(served);
  }
}

function checkDirectory(path: string, owner: number | undefined): void {
  const stat = lstatSync(path);
  const isOurs = stat.uid === process.geteuid?.() || stat.uid === owner;
  if (stat.isDirectory() && isOurs && (stat.mode & 0o077) === 0) return;
  throw new Fault("failed_precondition", `${path} is not a directory of its owner's alone`, {
    hint: `make it with mode 700`,
  });
}
