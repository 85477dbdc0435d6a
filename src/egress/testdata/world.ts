/**
 * A world of its own for the proxy's tests, as a process: a name server, hosts on public addresses, and proxies on sockets
 * in a directory. Commands come in and answers go out as lines of JSON; so do the events of the record.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { EgressStore } from "../../store/egress.ts";
import { StateFile } from "../../store/state.ts";
import { TokenBook } from "../book.ts";
import type { EgressEvent } from "../event.ts";
import { openProxy, type ProxyOptions } from "../proxy.ts";
import { openResolver } from "../resolve.ts";
import type { Grant } from "../token.ts";
import { type NameAnswer, startNameServer } from "../name-server.ts";
import { publicIpv4, publicIpv6 } from "./world-address.ts";

export type WorldCommand =
  | { readonly do: "name"; readonly name: string; readonly answers: readonly NameAnswer[] }
  | { readonly do: "issue"; readonly grant: Grant }
  | { readonly do: "revoke"; readonly id: string }
  | { readonly do: "row"; readonly id: string }
  | {
      readonly do: "open";
      readonly name: string;
      readonly limits?: NonNullable<ProxyOptions["limits"]>;
      readonly run?: string;
    }
  | { readonly do: "close"; readonly name: string }
  | { readonly do: "record"; readonly how: "write" | "fail" | "hold" }
  | { readonly do: "seen" }
  | { readonly do: "asked" };

const directory = process.argv[2] ?? "";
const named = new Set(["named.example:80"]);
const names = await startNameServer();
const book = new TokenBook(new Uint8Array(32).fill(7), new EgressStore(new StateFile(join(directory, "state.db"))));
const store = new EgressStore(new StateFile(join(directory, "state.db")));
const resolve = openResolver({ dns_servers: [names.address], named, timeout_ms: 2000 });
const proxies = new Map<string, Awaited<ReturnType<typeof openProxy>>>();
let how: "write" | "fail" | "hold" = "write";
let held: (() => void)[] = [];

/** What the hosts saw: connections and bytes by port. */
const seen: Record<number, { connections: number; bytes: number }> = {};

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function record(event: EgressEvent): Promise<void> {
  if (how === "fail") throw new Error("the ledger is full");
  if (how === "hold" && event.host === "held.example") {
    say({ held: true });
    await new Promise<void>((done) => held.push(done));
  }
  say({ event });
}

/** Hosts by port; each is told of a connection and counts what comes. */
const hosts: Readonly<Record<number, (socket: Socket) => void>> = {
  7: (socket) => socket.on("data", (chunk) => socket.write(chunk)).on("end", () => socket.end()),
  9: (socket) => socket.on("data", () => undefined).on("end", () => socket.end()),
  19: (socket) => socket.on("error", () => undefined).write(Buffer.alloc(4_194_304, "x"), () => socket.end()),
  1000: (socket) => socket.on("data", () => undefined),
  1001: (socket) => socket.on("data", () => socket.resetAndDestroy()),
  1002: (socket) => {
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.on("end", () => socket.end(`got ${bytes}`));
  },
};

function count(port: number, socket: Socket): void {
  const entry = seen[port] ?? { connections: 0, bytes: 0 };
  seen[port] = entry;
  entry.connections++;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    entry.bytes += chunk.length;
  });
}

for (const port of [443, 8443, ...Object.keys(hosts).map(Number)]) seen[port] = { connections: 0, bytes: 0 };
for (const [port, host] of Object.entries(hosts)) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    count(Number(port), socket);
    host(socket);
  });
  await new Promise<void>((done) => server.listen(Number(port), publicIpv4, done));
}
const raw = createServer((socket) => {
  count(8443, socket);
});
await new Promise<void>((done) => raw.listen(8443, publicIpv4, done));
for (const address of [publicIpv4, publicIpv6]) {
  const secure = createTlsServer({
    key: readFileSync(join(directory, "key.pem")),
    cert: readFileSync(join(directory, "cert.pem")),
  });
  secure.on("connection", (socket: Socket) => count(443, socket));
  secure.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      const body = `${socket.servername} at ${address}`;
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    });
  });
  // Linux binds no IPv6 address that is only routed here; the unspecified one takes what arrives for it.
  const where = address === publicIpv6 ? { host: "::", ipv6Only: true } : { host: address };
  await new Promise<void>((done) => secure.listen({ port: 443, ...where }, done));
}

async function obey(command: WorldCommand): Promise<unknown> {
  switch (command.do) {
    case "name":
      return names.set(command.name, ...command.answers);
    case "issue":
      return book.issue(command.grant);
    case "revoke":
      return store.revoke(command.id, new Date().toISOString());
    case "row":
      return store.get(command.id);
    case "open": {
      const place = join(directory, command.name);
      mkdirSync(place, { mode: 0o700 });
      const proxy = await openProxy({
        listen: { socket: join(place, "proxy.sock") },
        book,
        resolve,
        named,
        decide: ({ host, port, agent }) =>
          host.startsWith("denied.")
            ? { allow: false, reason: `no grant of ${agent}` }
            : { allow: true, plain: port < 2000 && port !== 443 },
        record,
        ...(command.limits ? { limits: command.limits } : {}),
        ...(command.run ? { run: command.run } : {}),
      });
      proxies.set(command.name, proxy);
      return join(place, "proxy.sock");
    }
    case "close":
      return proxies.get(command.name)?.close();
    case "record":
      how = command.how;
      for (const go of held) go();
      held = [];
      return undefined;
    case "seen":
      return seen;
    case "asked":
      return names.asked;
  }
}

say({ ready: true });
let rest = "";
for await (const chunk of process.stdin) {
  const lines = (rest + String(chunk)).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const { id, command } = JSON.parse(line) as { id: number; command: WorldCommand };
    void obey(command).then(
      (result) => say({ id, result: result ?? null }),
      (thrown: unknown) => say({ id, problem: String(thrown) }),
    );
  }
}
process.exit(0);
