/** Requests of agents over real sockets and real TLS: allowed, vetted, written down, straight to the address, ended in time. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { Fault } from "../core/fault.ts";
import { certificate, closeServers, faultOf, names, serve, world } from "./testdata/requester.ts";
import { makeCertificate, reply } from "./testdata/web-server.ts";

afterAll(() => names.close());
afterEach(closeServers);

describe("a request", () => {
  test("goes to the vetted address over TLS under the host's name, and is written down before and after", async () => {
    const server = await serve(() => reply(200, { "content-type": "text/plain" }, "hello"), { tls: certificate });
    const { ask, events, asked } = world([`api.example.org:${server.port}`]);
    const answer = await ask({
      url: `https://api.example.org:${server.port}/a/b?q=1#frag`,
      method: "POST",
      headers: { "X-Own": "yes" },
      body: { a: 1 },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: "hello",
      encoding: "text",
      bytes: 5,
      truncated: false,
      redirects: [],
    });
    expect(answer.url).toBe(`https://api.example.org:${server.port}/a/b?q=1`);
    const [seen] = server.seen;
    expect(seen?.line).toBe("POST /a/b?q=1 HTTP/1.1");
    expect(seen?.body).toBe('{"a":1}');
    expect(seen?.headers).toEqual({
      host: `api.example.org:${server.port}`,
      connection: "close",
      "accept-encoding": "gzip",
      "user-agent": "reeve",
      accept: "*/*",
      "x-own": "yes",
      "content-type": "application/json",
      "content-length": "7",
    });
    expect(asked).toEqual([`POST api.example.org:${server.port}/a/b`]);
    const about = { method: "POST", host: "api.example.org", port: server.port, address: "127.0.0.1" };
    expect(events).toMatchObject([
      { type: "open", ...about },
      { type: "closed", ...about, status: 200 },
    ]);
    expect(events[1]?.bytes_up).toBeGreaterThan(100);
    expect(events[1]?.bytes_down).toBeGreaterThan(40);
    expect(JSON.stringify(events)).not.toMatch(/q=1|\/a\/b|x-own|hello/);
  });

  test("is not sent when it cannot be written down", async () => {
    const server = await serve(() => reply(200, {}));
    const failing = world([`api.example.org:${server.port}`], {
      record: () => Promise.reject(new Fault("unavailable", "the ledger is full")),
    });
    const fault = await faultOf(failing.ask({ url: `http://api.example.org:${server.port}/` }));
    expect(fault.message).toBe("the ledger is full");
    expect(server.connections()).toBe(0);
  });

  test("is refused where policy does not allow it, before the name is even looked up", async () => {
    const { ask, events } = world([], { permits: () => false });
    const before = names.asked.length;
    expect((await faultOf(ask({ url: "https://nowhere.example.org/" }))).code).toBe("permission_denied");
    expect(names.asked.length).toBe(before);
    expect(events).toEqual([
      { type: "refused", method: "GET", host: "nowhere.example.org", port: 443, reason: "permission_denied" },
    ]);
  });

  test("tries the next vetted address while nothing was sent, and never sends twice", async () => {
    const server = await serve(() => reply(200, {}, "second"));
    const rude = await serve(() => (socket) => socket.destroy(), { address: "0.0.0.0" });
    const [place, other] = [`api.example.org:${server.port}`, `api.example.org:${rude.port}`];
    names.set("api.example.org", { a: ["127.0.0.9", "127.0.0.1"] });
    const first = world([place, other]);
    expect((await first.ask({ url: `http://${place}/` })).body).toBe("second");
    expect(first.events.map(({ type, address }) => `${type} ${address}`)).toEqual([
      "open 127.0.0.9",
      "closed 127.0.0.9",
      "open 127.0.0.1",
      "closed 127.0.0.1",
    ]);
    expect((await faultOf(first.ask({ url: `http://${other}/` }))).code).toBe("unavailable");
    names.set("api.example.org", { a: ["127.0.0.1"] });
    expect(rude.seen.length).toBe(1);
  });
});

describe("what the environment says", () => {
  const variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
  const kept = Object.fromEntries(
    [...variables, "NO_PROXY", "NODE_TLS_REJECT_UNAUTHORIZED"].map((name) => [name, process.env[name]]),
  );
  afterEach(() => {
    for (const [name, value] of Object.entries(kept)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  test("puts no proxy in between, though fetch would obey it", async () => {
    const proxy = await serve(() => reply(200, {}, "proxy"));
    const server = await serve(() => reply(200, {}, "direct"));
    const secure = await serve(() => reply(200, {}, "direct"), { tls: certificate });
    delete process.env["NO_PROXY"];
    for (const name of variables) process.env[name] = `http://127.0.0.1:${proxy.port}`;
    expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe("proxy");
    const { ask } = world([`api.example.org:${server.port}`, `api.example.org:${secure.port}`]);
    expect((await ask({ url: `http://api.example.org:${server.port}/` })).body).toBe("direct");
    expect((await ask({ url: `https://api.example.org:${secure.port}/` })).body).toBe("direct");
    expect(proxy.connections()).toBe(1);
  });

  test("turns off no check of certificates", async () => {
    const server = await serve(() => reply(200, {}, "impostor"), { tls: certificate });
    const { ask, events } = world([`api.example.org:${server.port}`], { authorities: [] });
    for (const value of [undefined, "0"]) {
      if (value === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = value;
      const fault = await faultOf(ask({ url: `https://api.example.org:${server.port}/`, headers: { a: "b" } }));
      expect([fault.code, fault.message]).toEqual([
        "failed_precondition",
        expect.stringContaining(`the certificate of api.example.org:${server.port} is not to be trusted`),
      ]);
    }
    expect(server.seen).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "closed", reason: "failed_precondition", bytes_up: 0 });
  });

  test("a certificate of another name is not trusted either", async () => {
    const other = makeCertificate("other.example.org");
    const server = await serve(() => reply(200, {}, "impostor"), { tls: other });
    const { ask } = world([`api.example.org:${server.port}`], { authorities: [other.cert] });
    expect((await faultOf(ask({ url: `https://api.example.org:${server.port}/` }))).code).toBe("failed_precondition");
    expect(server.seen).toEqual([]);
  });
});

describe("http in the clear", () => {
  test("needs the operator to have named the port, and never carries a secret", async () => {
    const plain = world([], {
      permitsPlain: () => true,
      resolve: () => Promise.reject(new Fault("unavailable", "asked")),
    });
    expect((await faultOf(plain.ask({ url: "http://api.example.org/" }))).message).toBe("asked");
    expect((await faultOf(plain.ask({ url: "http://api.example.org:443/" }))).code).toBe("permission_denied");
    const carrying = plain.ask({ url: "http://api.example.org/", headers: { a: "{{secret:api/token}}" } });
    expect((await faultOf(carrying)).message).toContain("a secret is not sent to api.example.org:80 in the clear");
    const unnamed = world([]);
    expect((await faultOf(unnamed.ask({ url: "http://api.example.org/" }))).message).toContain("is not encrypted");
  });
});

describe("a request ends", () => {
  test("at its deadline, however slowly the server goes on", async () => {
    const server = await serve(() => (socket) => {
      const timer = setInterval(() => socket.write("x"), 5);
      socket.on("close", () => clearInterval(timer));
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
    });
    const { ask, events } = world([`api.example.org:${server.port}`]);
    const fault = await faultOf(ask({ url: `http://api.example.org:${server.port}/`, timeout_ms: 60 }));
    expect([fault.code, fault.message]).toEqual(["deadline_exceeded", "the request took longer than 60 ms"]);
    expect(events.at(-1)).toMatchObject({ type: "closed", reason: "deadline_exceeded" });
  });

  test("when its run does, also before there is an answer from the name service", async () => {
    const server = await serve(() => () => undefined);
    names.set("silent.example.org", { silent: true });
    const { ask, events } = world([`api.example.org:${server.port}`]);
    for (const url of [`http://api.example.org:${server.port}/`, "https://silent.example.org/"]) {
      const stop = new AbortController();
      const waiting = faultOf(ask({ url }, stop.signal));
      while (events.length === 0 && !url.includes("silent")) await Bun.sleep(1);
      stop.abort(new Fault("canceled", "the run was stopped"));
      expect((await waiting).message).toBe("the run was stopped");
    }
  });
});
