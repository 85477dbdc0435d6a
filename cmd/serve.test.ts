/** `reeve serve` as a process: ready once, a tunnel by token and policy, told to end, and what of it is in the ledger. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setConfig } from "../src/config/set.ts";
import { rfc3339 } from "../src/core/clock.ts";
import { type Home, homeAt } from "../src/core/home.ts";
import { operator } from "../src/define/principal.ts";
import type { Engine } from "../src/engine/engine.ts";
import { initHome } from "../src/engine/init.ts";
import { openEngine } from "../src/engine/open.ts";
import { engageStop, releaseStop } from "../src/engine/stop.ts";
import { openTail } from "../src/ledger/tail.ts";
import { tools } from "../src/tools/index.ts";

const main = join(import.meta.dir, "reeve", "main.ts");
let directory: string;
let home: Home;
let engine: Engine;
let server: Server;
let port: number;
let proxyPort: number;
const reached: string[] = [];
const children: Bun.Subprocess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "reeve-serve-"));
  home = homeAt(join(directory, "home"));
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => reached.push(bytes.toString("latin1")));
  });
  port = await portOf(server);
  const spare = createServer();
  proxyPort = await portOf(spare);
  await new Promise<void>((done) => spare.close(() => done()));
  const witness = join(directory, "witness");
  await initHome({ home, witness, agent: "default", profile: "observer", force: false });
  const updates = { "egress.private_hosts": [`127.0.0.1:${port}`], "egress.listen": proxyPort };
  setConfig(home.config, updates, { dry_run: false });
  engine = await openEngine({ home, tools, providers: [], version: "0" });
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});
afterAll(async () => {
  await engine.close();
  server.close();
  rmSync(directory, { recursive: true });
});

async function issue(agent: string) {
  const expires_at = rfc3339(Date.now() + 3_600_000);
  const { gate } = await engine.egress();
  return gate.book.issue({ run: "operator", agent, hosts: ["127.0.0.1"], ports: [port], expires_at });
}

async function grant(agent_id: string): Promise<void> {
  const input = { agent_id, capability: `http.request:CONNECT 127.0.0.1:${port}` };
  expect(await engine.call(operator, "policy.grant", input)).toMatchObject({ ok: true });
}

async function portOf(listening: Server): Promise<number> {
  await new Promise<void>((done) => listening.listen(0, "127.0.0.1", done));
  const address = listening.address();
  if (typeof address === "object" && address) return address.port;
  throw new Error("the server has no port");
}

function reeve(...words: readonly string[]) {
  const ran = Bun.spawnSync([process.execPath, main, ...words, "--home", home.root], {
    env: { HOME: directory, PATH: "/usr/bin:/bin" },
    stdin: "ignore",
  });
  return { exit: ran.exitCode, out: ran.stdout.toString(), err: ran.stderr.toString() };
}

/** Resolves when it said that it is ready. */
async function serve(...words: readonly string[]) {
  const child = Bun.spawn([process.execPath, main, "serve", ...words, "--home", home.root], {
    env: { HOME: directory, PATH: "/usr/bin:/bin" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  children.push(child);
  let said = "";
  for await (const part of child.stderr) {
    said += Buffer.from(part).toString();
    if (/^reeve: ready$/m.test(said)) return { child, said };
  }
  throw new Error(`it never was ready: ${said}`);
}

async function answerOf(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once("data", (bytes) => resolve(bytes.toString("latin1")));
  socket.once("close", () => resolve(""));
  socket.on("error", () => undefined);
  return promise;
}

function knock(
  to: { readonly path: string } | { readonly port: number; readonly host: string },
  token: string,
  place: string,
) {
  const socket = connect(to);
  const credentials = Buffer.from(`operator:${token}`).toString("base64");
  socket.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nProxy-Authorization: Basic ${credentials}\r\n\r\n`);
  return socket;
}

const newest = (prefix: string, limit = 100) => {
  const tail = openTail(home.ledger);
  try {
    return tail.last(prefix, limit);
  } finally {
    tail.close();
  }
};

test("a tunnel needs a token and policy, on the socket and the port; stopping is quick, recorded and leaves nothing", async () => {
  const earlier = newest("", 1)[0]?.seq ?? 0;
  const { id, token } = await issue("first");
  const { child, said } = await serve("--mode", "egress");
  const socket = join(home.state, "run", "egress.sock");
  expect(said).toContain(`reeve: egress: on ${socket} and 127.0.0.1:${proxyPort}\n`);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  const place = `127.0.0.1:${port}`;
  expect(await answerOf(knock({ path: socket }, token, place))).toStartWith("HTTP/1.1 403");
  expect(await answerOf(knock({ path: socket }, "nonsense", place))).toStartWith("HTTP/1.1 407");
  await grant("first");
  for (const to of [{ path: socket }, { host: "127.0.0.1", port: proxyPort }]) {
    const tunnel = knock(to, token, place);
    expect(await answerOf(tunnel)).toStartWith("HTTP/1.1 200");
    tunnel.destroy();
  }
  const held = knock({ path: socket }, token, place);
  expect(await answerOf(held)).toStartWith("HTTP/1.1 200");
  const ended = new Promise((done) => held.once("close", done));
  engageStop(home, { at: rfc3339(Date.now()), by: "operator", reason: "", agent: "first" });
  await ended;
  expect(newest("egress.closed", 1)).toMatchObject([{ payload: { reason: "stopped" } }]);
  // The socket is made anew; nothing says when.
  let answer = "";
  while (answer === "") {
    if (existsSync(socket)) answer = await answerOf(knock({ path: socket }, token, place));
    await Bun.sleep(5);
  }
  expect(answer).toStartWith("HTTP/1.1 403");
  await releaseStop(engine.keeper, "first", operator);
  expect((await engine.egress()).gate.book.revoke(id)).toBe(true);
  expect(await answerOf(knock({ path: socket }, token, place))).toStartWith("HTTP/1.1 407");
  expect(reeve("serve", "--mode", "egress")).toMatchObject({
    exit: 5,
    err: expect.stringContaining("the egress service of this home runs already"),
  });

  const before = performance.now();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
  expect(performance.now() - before).toBeLessThan(2000);
  expect(await new Response(child.stdout).text()).toBe(`served egress on ${socket} and 127.0.0.1:${proxyPort}\n`);
  expect(existsSync(socket)).toBe(false);

  const egress = newest("egress.").filter(({ seq }) => seq > earlier);
  expect(egress.map(({ type }) => type).filter((type) => type !== "egress.closed")).toEqual([
    "egress.refused",
    "egress.refused",
    "egress.open",
    "egress.open",
    "egress.open",
    "egress.refused",
    "egress.refused",
  ]);
  expect(egress.find(({ type }) => type === "egress.open")).toMatchObject({
    actor: "agent:first",
    run: null,
    payload: { host: "127.0.0.1", port, addresses: ["127.0.0.1"] },
  });
  const own = newest("service.").filter(({ payload }) => (payload as { readonly pid?: number }).pid === child.pid);
  expect(own).toMatchObject([{ type: "service.started", actor: "operator", payload: { services: ["egress"] } }]);
  expect(newest("service.stopped", 1)).toMatchObject([{ payload: { reason: "told", unfinished: [] } }]);
  expect(JSON.stringify(newest(""))).not.toContain(token);
  expect(reeve("verify-ledger").exit).toBe(0);
});

test("one that was killed leaves a socket that the next one replaces, and its tokens stay good", async () => {
  await grant("second");
  const { token } = await issue("second");
  const first = await serve();
  first.child.kill("SIGKILL");
  await first.child.exited;
  const socket = join(home.state, "run", "egress.sock");
  expect(existsSync(socket)).toBe(true);
  const { child } = await serve();
  const tunnel = knock({ path: socket }, token, `127.0.0.1:${port}`);
  expect(await answerOf(tunnel)).toStartWith("HTTP/1.1 200");
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
});

test("the service manager hears that it is ready, and one that is not there ends it", async () => {
  const listen = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(10)
print("bound", flush=True)
print(s.recv(100).decode(), flush=True)
print(s.recv(100).decode(), flush=True)
`;
  const notify = join(directory, "notify");
  const manager = Bun.spawn(["python3", "-c", listen, notify], { stdout: "pipe", env: { PATH: "/usr/bin:/bin" } });
  const reader = manager.stdout.getReader();
  await reader.read();
  const env = { HOME: directory, PATH: "/usr/bin:/bin", NOTIFY_SOCKET: notify };
  const child = Bun.spawn([process.execPath, main, "serve", "--quiet", "--home", home.root], { env, stdout: "ignore" });
  children.push(child);
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("READY=1\n");
  child.kill("SIGTERM");
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("STOPPING=1\n");
  expect(await child.exited).toBe(0);
  await manager.exited;
  const alone = Bun.spawn([process.execPath, main, "serve", "--home", home.root], {
    env: { ...env, NOTIFY_SOCKET: join(directory, "nobody") },
    stderr: "pipe",
  });
  children.push(alone);
  expect(await alone.exited).toBe(9);
  expect(await new Response(alone.stderr).text()).toContain("the service manager does not listen");
  expect(newest("service.stopped", 1)).toMatchObject([{ payload: { reason: "unavailable" } }]);
});

test("a mode that there is not is named, and nothing is written", () => {
  const before = newest("service.").length;
  expect(reeve("serve", "--mode", "egres")).toMatchObject({ exit: 2, err: expect.stringContaining("egress") });
  expect(newest("service.").length).toBe(before);
});
