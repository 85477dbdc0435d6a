/** Real sockets on loopback: what a provider may reach, and that nothing in the environment changes the way there. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Fault } from "../core/fault.ts";
import { providerFetch } from "./fetch.ts";
import { isPrivateHost, providerOrigin } from "./origin.ts";

const seen: { path: string; headers: Record<string, string>; body: string }[] = [];
let server: ReturnType<typeof Bun.serve>;
let other: ReturnType<typeof Bun.serve>;
const reachedOther: string[] = [];

beforeAll(() => {
  other = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      reachedOther.push(request.url);
      return new Response("other");
    },
  });
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      if (path === "/moved") return Response.redirect(`${other.url}stolen`, 307);
      seen.push({ path, headers: Object.fromEntries(request.headers), body: await request.text() });
      return new Response("direct");
    },
  });
});

afterAll(async () => {
  await server.stop(true);
  await other.stop(true);
});

afterEach(() => {
  seen.length = 0;
  reachedOther.length = 0;
});

async function faultOf(act: () => unknown): Promise<Fault> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

describe("a provider reaches its own origin", () => {
  test("with method, headers and body as given", async () => {
    const reach = providerFetch(`http://127.0.0.1:${server.port}/v1`);
    const response = await reach(`${server.url}v1/chat`, { method: "POST", headers: { "x-a": "b" }, body: "hello" });
    expect(await response.text()).toBe("direct");
    expect(seen).toMatchObject([{ path: "/v1/chat", headers: { "x-a": "b" }, body: "hello" }]);
  });

  test("also by a Request", async () => {
    const reach = providerFetch(server.url.href);
    await reach(new Request(`${server.url}v1/x`, { method: "POST", body: "one", headers: { "x-a": "b" } }));
    expect(seen).toMatchObject([{ path: "/v1/x", headers: { "x-a": "b" }, body: "one" }]);
  });

  test("and no other one, be it another port, scheme, host or a file", async () => {
    const reach = providerFetch(server.url.href);
    const places = [
      other.url.href,
      `https://127.0.0.1:${server.port}/`,
      `http://localhost:${server.port}/`,
      "file:///etc/passwd",
      "data:text/plain,hello",
    ];
    for (const place of places) expect((await faultOf(() => reach(place))).code).toBe("permission_denied");
    expect((await faultOf(() => reach("no address"))).code).toBe("invalid_argument");
    expect(reachedOther).toEqual([]);
  });

  test("and is given no answer of a place it was redirected to", async () => {
    const reach = providerFetch(server.url.href);
    const fault = await faultOf(() => reach(`${server.url}moved`, { headers: { authorization: "Bearer sk-secret" } }));
    expect(fault.code).toBe("failed_precondition");
    expect(fault.message).toContain(`127.0.0.1:${server.port} answered with a redirect`);
    expect(reachedOther).toEqual([]);
  });

  test("and cannot ask for a socket, a proxy or an untrusted certificate by options of the runtime", async () => {
    const reach = providerFetch(server.url.href);
    const options = { unix: "/nonexistent.sock", proxy: other.url.href, redirect: "follow" } as RequestInit;
    expect(await (await reach(`${server.url}v1`, options)).text()).toBe("direct");
    expect(reachedOther).toEqual([]);
  });
});

describe("the environment", () => {
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
  const kept = ["NO_PROXY", "no_proxy", "NODE_TLS_REJECT_UNAUTHORIZED"];
  const before = Object.fromEntries([...names, ...kept].map((name) => [name, process.env[name]]));

  afterEach(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  test("cannot put a proxy in between", async () => {
    let connections = 0;
    const proxy = await listen((socket) => {
      connections++;
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nproxy");
    });
    try {
      for (const name of kept) delete process.env[name];
      for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`;
      expect(await (await fetch(server.url.href)).text()).toBe("proxy");
      expect(connections).toBe(1);
      const reach = providerFetch(server.url.href);
      expect(await (await reach(server.url)).text()).toBe("direct");
      expect(await (await reach(new Request(server.url.href))).text()).toBe("direct");
      expect(connections).toBe(1);
    } finally {
      proxy.server.close();
    }
  });

  test("cannot turn off the check of certificates", async () => {
    const directory = mkdtempSync(join(tmpdir(), "reeve-egress-"));
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const make = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost`;
    const made = Bun.spawnSync(["openssl", ...make.split(" "), "-keyout", key, "-out", cert], { stderr: "ignore" });
    expect(made.exitCode).toBe(0);
    const secure = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") },
      fetch: () => new Response("impostor"),
    });
    try {
      process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
      const fault = await faultOf(() => providerFetch(secure.url.href)(secure.url));
      expect(fault.code).toBe("failed_precondition");
      expect(fault.message).toContain(`the certificate of 127.0.0.1:${secure.port}`);
    } finally {
      await secure.stop(true);
      rmSync(directory, { recursive: true });
    }
  });
});

describe("a place that cannot be reached", () => {
  test("that refuses the connection is named with its port, and never the key", async () => {
    const free = await listen(() => undefined);
    await new Promise<void>((done) => free.server.close(() => done()));
    const url = `http://127.0.0.1:${free.port}/v1`;
    const fault = await faultOf(() => providerFetch(url)(url, { headers: { authorization: "Bearer sk-secret" } }));
    expect(fault.code).toBe("unavailable");
    expect(fault.message).toBe(`127.0.0.1:${free.port} refused the connection`);
    expect(JSON.stringify(fault.toRecord())).not.toContain("sk-secret");
  });

  test("that closes the connection is unavailable", async () => {
    const rude = await listen((socket) => socket.destroy());
    try {
      const url = `http://127.0.0.1:${rude.port}/`;
      const fault = await faultOf(() => providerFetch(url)(url));
      expect(fault).toMatchObject({ code: "unavailable", message: `127.0.0.1:${rude.port} closed the connection` });
    } finally {
      rude.server.close();
    }
  });

  test("is no fault of ours when the run was stopped", async () => {
    const silent = await listen(() => undefined);
    try {
      const stop = new AbortController();
      const url = `http://127.0.0.1:${silent.port}/`;
      const waiting = providerFetch(url)(url, { signal: stop.signal });
      stop.abort(new Error("stopped by the operator"));
      await expect(waiting).rejects.toThrow("stopped by the operator");
    } finally {
      silent.server.close();
    }
  });
});

describe("an address", () => {
  test("without encryption is refused for a public host", () => {
    for (const host of [
      "api.example.com",
      "8.8.8.8",
      "172.32.0.1",
      "169.254.169.254",
      "[2606:4700::1]",
      "1.local.com",
    ]) {
      expect(() => providerOrigin(`http://${host}/v1`)).toThrow("http is not encrypted");
      expect(providerOrigin(`https://${host}/v1`).protocol).toBe("https:");
    }
  });

  test("without encryption is taken for this machine and private networks", () => {
    const hosts = [
      "localhost",
      "ollama",
      "gpu.local",
      "nas.lan",
      "box.home.arpa",
      "127.0.0.1",
      "2130706433",
      "10.1.2.3",
      "172.16.0.1",
      "192.168.1.5",
      "100.101.1.1",
      "[::1]",
      "[fd12::1]",
      "[::ffff:10.0.0.1]",
    ];
    for (const host of hosts) expect(providerOrigin(`http://${host}:8080/v1`).protocol).toBe("http:");
  });

  test("with credentials is refused without repeating them", async () => {
    const fault = await faultOf(() => providerFetch("https://user:sk-secret@api.example.com/v1"));
    expect(fault.code).toBe("invalid_argument");
    expect(JSON.stringify(fault.toRecord())).not.toContain("sk-secret");
    const reach = providerFetch(server.url.href);
    const held = await faultOf(() => reach(`http://user:sk-secret@127.0.0.1:${server.port}/`));
    expect(held.code).toBe("permission_denied");
    expect(JSON.stringify(held.toRecord())).not.toContain("sk-secret");
  });

  test("must be http or https", () => {
    for (const url of ["ftp://localhost/", "file:///etc/passwd", "unix:/run/x.sock", "not a url", ""]) {
      expect(() => providerOrigin(url)).toThrow(Fault);
    }
  });

  test("of any public IPv4 network is never taken for a private one", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, byte, (a, b, c, d) => {
        const isPrivate =
          a === 127 ||
          a === 10 ||
          (a === 172 && (b & 0xf0) === 16) ||
          (a === 192 && b === 168) ||
          (a === 100 && (b & 0xc0) === 64);
        expect(isPrivateHost(new URL(`http://${a}.${b}.${c}.${d}/`).hostname)).toBe(isPrivate);
      }),
    );
  });
});

interface Listening {
  readonly server: Server;
  readonly port: number;
}

async function listen(connected: (socket: Socket) => void): Promise<Listening> {
  const socket = createServer(connected);
  await new Promise<void>((done) => socket.listen(0, "127.0.0.1", done));
  const address = socket.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { server: socket, port: address.port };
}
