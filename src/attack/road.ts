/**
 * The world at the other end of a scratch home's roads: names an attack gives addresses to, and one listener on loopback that
 * stands at every address. What is dialled arrives there, wherever it was bound for, and nothing leaves the machine.
 */
import { createServer, type Server, type Socket } from "node:net";
import { dial } from "../egress/dial.ts";
import { exchange } from "../egress/exchange.ts";
import { type NameServer, startNameServer } from "../egress/name-server.ts";

/** A connection that was made. */
export interface Arrival {
  /** `ADDRESS:PORT` it was bound for. */
  readonly bound: string;
  /** What it brought so far, a character a byte. */
  text: string;
}

/** What stands at the other end; told of each piece that comes. */
export type Host = (socket: Socket, arrival: Arrival) => void;

/** An address of the public Internet, for names that nobody spoke of. */
export const publicAddress = "93.184.215.14";

/** Answers a request, and ends whatever else begins. */
const usualHost: Host = (socket, { text }) => {
  if (!/^[A-Z]+ /.test(text)) socket.end("no http");
  else if (text.includes("\r\n\r\n")) socket.end(answer(200, {}, "fine"));
};

export class Road {
  readonly names: NameServer;
  /** Since the last `clear`. */
  arrivals: readonly Arrival[] = [];
  host: Host = usualHost;
  /** How entries of the ledger are written; an attack puts a way here that fails. */
  write: <T>(write: () => Promise<T>) => Promise<T> = (write) => write();
  /** Values of the vault that attacks on bindings put there, by name. */
  readonly secrets = new Map<string, string>();
  /** What an attack opened and ends itself, unless it is given up before. */
  readonly lasting = new Set<() => unknown>();
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** Where the connections that are being made are bound for. */
  readonly #bound: string[] = [];

  private constructor(names: NameServer) {
    this.names = names;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  static async open(): Promise<Road> {
    const road = new Road(await startNameServer({ a: [publicAddress] }));
    await new Promise<void>((done) => road.#server.listen(0, "127.0.0.1", done));
    return road;
  }

  close(): void {
    this.clear();
    this.#server.close();
    this.names.close();
  }

  /** As it was, for the next attack. */
  clear(): void {
    for (const end of this.lasting) void end();
    this.lasting.clear();
    for (const socket of this.#open) socket.destroy();
    this.#open.clear();
    this.#bound.length = 0;
    this.arrivals = [];
    this.host = usualHost;
    this.write = (write) => write();
    this.names.clear();
  }

  /** The true `exchange`, over this road. */
  readonly send: typeof exchange = (request, traffic) => {
    this.#bound.push(`${request.address}:${request.target.port}`);
    const target = { ...request.target, port: this.#port };
    return exchange({ ...request, address: "127.0.0.1", target }, traffic);
  };

  /** The true `dial`, over this road, to the first of the addresses. */
  readonly dial: typeof dial = (place, options) => {
    this.#bound.push(`${place.addresses[0] ?? ""}:${place.port}`);
    return dial({ ...place, addresses: ["127.0.0.1"], port: this.#port }, options);
  };

  get #port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the road is closed");
    return address.port;
  }

  #accept(socket: Socket): void {
    const arrival: Arrival = { bound: this.#bound.shift() ?? "nowhere", text: "" };
    this.arrivals = [...this.arrivals, arrival];
    this.#open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#open.delete(socket));
    socket.on("end", () => socket.end());
    socket.on("data", (bytes: Buffer) => {
      arrival.text += bytes.toString("latin1");
      this.host(socket, arrival);
    });
  }
}

/** An answer with its length. */
export function answer(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array = "",
): Uint8Array {
  const bytes = Buffer.from(body);
  const lines = Object.entries({ ...headers, "content-length": String(bytes.length) }).map((each) => each.join(": "));
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} X\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]);
}
