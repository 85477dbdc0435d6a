/** A proxy of the scratch home with its tokens, and what a program says to it. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { rfc3339 } from "../core/clock.ts";
import type { Gate, ProxyLimits } from "../egress/connection.ts";
import { openProxy } from "../egress/proxy.ts";
import type { Caveat } from "../egress/token.ts";
import { unless, type Verdict } from "./attack.ts";
import type { Ground } from "./ground.ts";
import { gateWithout } from "./loose-gate.ts";
import { RawClient } from "./raw-client.ts";
import type { Road } from "./road.ts";
import { helloFor } from "./tls-hello.ts";

export const run = "run-1";
export const host = "tunnel.example";
export const place = `${host}:443`;

export interface Gateway {
  readonly ground: Ground;
  readonly book: Gate["book"];
  readonly connect: () => RawClient;
  /** A token of `run` for agent `roamer`, who may go everywhere. */
  issue(more?: Caveat): { readonly id: string; readonly token: string };
}

export interface GatewayOptions {
  readonly limits?: Partial<ProxyLimits>;
  /** The only run whose tokens count. */
  readonly run?: string;
  /** On a port of loopback instead of a socket. */
  readonly onPort?: boolean;
}

let count = 0;

/** Opens a proxy for `work` and closes it, whatever that did. */
export async function atGateway<T>(
  ground: Ground,
  work: (gateway: Gateway) => Promise<T>,
  { limits, run: only, onPort = false }: GatewayOptions = {},
): Promise<T> {
  const { gate } = await ground.engine.egress();
  const { without, road, clock } = ground;
  const loose = gateWithout(without, road, clock, { ...gate, ...(only === undefined ? {} : { run: only }) });
  const directory = join(ground.directory, `gate-${++count}`);
  mkdirSync(directory, { mode: 0o700 });
  const path = join(directory, "proxy.sock");
  const proxy = await openProxy({
    ...loose,
    listen: onPort ? { address: "127.0.0.1", port: 0 } : { socket: path },
    limits: { head_timeout_ms: 150, hello_timeout_ms: 150, ...limits },
  });
  const clients = new Set<RawClient>();
  const connect = () => {
    const client = new RawClient(onPort ? { host: "127.0.0.1", port: proxy.port ?? 0 } : { path });
    clients.add(client);
    return client;
  };
  const issue = (more: Caveat = {}) =>
    gate.book.issue({ run, agent: "roamer", expires_at: rfc3339(clock.now() + 60_000), ...more });
  return ending(
    ground.road,
    clients,
    () => work({ ground, book: gate.book, connect, issue }),
    async () => {
      // A record that could not be written is what some attacks are about.
      await proxy.close().catch(() => undefined);
      rmSync(directory, { recursive: true, force: true });
    },
  );
}

/** The work of an attack, after which its clients are gone and what they spoke to is closed, also when it is given up. */
export async function ending<T>(
  road: Road,
  clients: Iterable<RawClient>,
  work: () => Promise<T>,
  close: () => Promise<void>,
): Promise<T> {
  const end = () => {
    for (const { socket } of clients) socket.destroy();
    return close();
  };
  road.lasting.add(end);
  try {
    return await work();
  } finally {
    // Whoever clears the road before has ended it already.
    if (road.lasting.delete(end)) await end();
  }
}

export function headOf(to: string, token: string, who = run): string {
  const credentials = Buffer.from(`${who}:${token}`).toString("base64");
  return `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`;
}

/** Says `head`, then a hello where a tunnel was opened, until all is over. */
export async function through(
  client: RawClient,
  head: string | Uint8Array,
  hello: Uint8Array = helloFor(host),
): Promise<void> {
  client.send(head);
  if (await client.opened()) client.send(hello);
  await client.ended;
}

/** Whether anybody stood at the other end of a connection. */
export function reached({ road }: Ground): Verdict {
  return unless(road.arrivals.length > 0, `${road.arrivals[0]?.bound} was reached`);
}

/** A tunnel whose first bytes have arrived, to a host that only listens. */
export async function tunnelled({ road }: Ground, client: RawClient, head: string): Promise<RawClient> {
  road.host = (socket) => socket.write("heard");
  client.send(head);
  if (!(await client.opened())) throw new Error("the tunnel was not opened");
  client.send(helloFor(host));
  if (!(await client.until("heard"))) throw new Error("the hello did not pass");
  return client;
}

const mark = "after the end";

/** Whether more passes, after a while at most of which nobody looks at a revocation. */
export async function goesOn({ road }: Ground, client: RawClient, wait_ms = 0): Promise<Verdict> {
  await Bun.sleep(wait_ms);
  road.host = (socket) => socket.end("heard again");
  client.send(mark);
  await client.ended;
  return unless(
    road.arrivals.some(({ text }) => text.includes(mark)),
    "it passed",
  );
}
