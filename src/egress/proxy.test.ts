/** The proxy over real sockets: real name server, real TLS, hosts on public addresses in a network of their own. */
import { afterAll, describe, expect, test } from "bun:test";
import { run, startCaller, until } from "./testdata/caller.ts";
import { helloFor } from "./testdata/real-hello.ts";
import { deadIpv4, publicIpv4, publicIpv6 } from "./testdata/world-address.ts";
import { RawClient } from "./testdata/world-client.ts";

const { world, proxy, token, issue, name, fresh, head, open, refused, get } = await startCaller();
afterAll(() => world.stop());

describe("a tunnel", () => {
  test("carries TLS to the host that was asked for, and the record has both ends of it", async () => {
    await name("one.example", { a: [publicIpv4] });
    expect(await get("ONE.example.:443", "one.example")).toEndWith(`one.example at ${publicIpv4}`);
    const end = await world.closed("one.example");
    expect(end).toMatchObject({ run, agent: "worker", addresses: [publicIpv4], reason: "done" });
    expect(end.bytes_up).toBeGreaterThan(200);
    expect(end.bytes_down).toBeGreaterThan(200);
    expect(world.of("one.example")[0]).toEqual({
      event: "egress.open",
      connection: end.connection,
      run,
      agent: "worker",
      host: "one.example",
      port: 443,
      addresses: [publicIpv4],
      bytes_up: 0,
      bytes_down: 0,
      reason: "allowed",
    });
    expect(JSON.stringify(world.events)).not.toContain(token.token.slice(-20));
  });

  test("takes a bearer token, and a request of HTTP/1.0 without Host", async () => {
    const request = `CONNECT site.example:7 HTTP/1.0\r\nproxy-authorization: bearer ${token.token}\r\n\r\n`;
    const client = new RawClient(proxy).send(request);
    expect(await client.until("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
    client.socket.destroy();
  });

  test("goes to the address that answers when another one does not", async () => {
    await name("both.example", { a: [deadIpv4, publicIpv4], aaaa: ["2606:4700::1"] });
    expect(await get("both.example:443", "both.example")).toEndWith(`both.example at ${publicIpv4}`);
    expect((await world.closed("both.example")).addresses).toEqual([publicIpv4]);
    await name("six.example", { aaaa: [publicIpv6] });
    expect(await get("six.example:443", "six.example")).toEndWith(`six.example at ${publicIpv6}`);
  });

  test("to a place where nobody listens is answered with 502 and recorded", async () => {
    await name("dead.example", { a: [deadIpv4] });
    expect(await refused(head("dead.example:443"))).toStartWith("HTTP/1.1 502 ");
    expect(await world.closed("dead.example")).toMatchObject({ reason: "unreachable", addresses: [] });
  });

  test("can be half closed", async () => {
    const client = await open("site.example:1002");
    client.send("x".repeat(100_000)).socket.end();
    expect(await client.all()).toBe("got 100000");
  });

  test("ends when either side resets, and nothing cut looks complete", async () => {
    const [one, two] = [await fresh(), await fresh()];
    const cut = await open(`${one}:1001`);
    cut.send("x");
    await cut.all();
    expect((await world.closed(one)).reason).toBe("server_reset");
    const gone = await open(`${two}:7`);
    gone.send("hello");
    await gone.until("hello");
    gone.socket.destroy();
    // A Unix socket that is closed looks like one that was ended; it is the host that closes then.
    expect((await world.closed(two)).reason).toMatch(/^(?:done|client_reset)$/);
  });

  test("passes what it is given and nothing else, in both directions at once", async () => {
    const client = await open("site.example:7");
    const sent = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(10_007)).join("");
    client.send(sent).socket.end();
    expect((await client.all()) === sent).toBe(true);
  });

  test("is one of more than a hundred", async () => {
    const clients = await Promise.all(Array.from({ length: 120 }, () => open("site.example:7")));
    await Promise.all(
      clients.map(async (client, i) => {
        client.send(`hello ${i}.`);
        expect(await client.until(".")).toBe(`hello ${i}.`);
      }),
    );
    for (const client of clients) client.socket.destroy();
  });
});

describe("who asks", () => {
  test.each([
    ["without a token", (to: string) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`],
    ["with a token nobody issued", (to: string) => head(to, "reeve1.x.y.z")],
    [
      "with a changed token",
      (to: string) => head(to, `${token.token.slice(0, -1)}${token.token.endsWith("A") ? "E" : "A"}`),
    ],
    ["as another run", (to: string) => head(to, token.token, "run-2")],
  ])("%s is told to bring one", async (_what, request) => {
    const host = await fresh();
    expect(await refused(request(`${host}:443`))).toStartWith("HTTP/1.1 407 ");
    expect(await world.refused(host)).toMatchObject({ run: null, agent: null, port: 443, addresses: [] });
  });

  test("with a token of another run than the socket is for is refused", async () => {
    const path = await world.tell<string>({ do: "open", name: "of-run-2", run: "run-2" });
    expect(await refused(head("site.example:443"), path)).toStartWith("HTTP/1.1 407 ");
    const good = await issue({ run: "run-2" });
    expect(await refused(head("denied.example:443", good.token, "run-2"), path)).toStartWith("HTTP/1.1 403 ");
  });

  test("with a token that was revoked or is over is refused", async () => {
    const over = await issue();
    await world.tell({ do: "revoke", id: over.id });
    expect(await refused(head("site.example:443", over.token))).toStartWith("HTTP/1.1 407 ");
    const late = await issue({ expires_at: new Date(Date.now() - 1).toISOString() });
    expect(await refused(head("site.example:443", late.token))).toStartWith("HTTP/1.1 407 ");
  });

  test("for a place the token does not cover is refused", async () => {
    const narrow = await issue({ hosts: ["site.example"], ports: [443], methods: ["CONNECT"] });
    expect(await get("site.example:443", "site.example", narrow.token)).toContain("200 OK");
    expect(await refused(head("other.example:443", narrow.token))).toContain("does not cover the host");
    expect(await refused(head("site.example:8443", narrow.token))).toContain("does not cover the port");
  });

  test("for a place policy refuses is told why, and the name is not even looked up", async () => {
    const answer = await refused(head("denied.one.example:443"));
    expect(answer).toStartWith("HTTP/1.1 403 ");
    expect(answer).toContain("denied.one.example:443 is refused: no grant of worker");
    expect(await world.refused("denied.one.example")).toMatchObject({ run, agent: "worker", addresses: [] });
    expect(world.of("denied.one.example").length).toBe(1);
    expect(await world.tell<readonly string[]>({ do: "asked" })).not.toContain("denied.one.example 1");
  });

  test("for a name with a private address is refused, without being told which", async () => {
    const answer = await refused(head("inside.example:443"));
    expect(answer).toStartWith("HTTP/1.1 403 ");
    expect(answer).not.toContain("10.0.0.1");
    expect(await world.refused("inside.example")).toMatchObject({ run, addresses: ["10.0.0.1"] });
    expect(world.of("inside.example").length).toBe(1);
  });

  test("for a name that leads elsewhere the second time is refused the second time", async () => {
    await name("rebind.example", { a: [publicIpv4] }, { a: ["127.0.0.1"] });
    const first = await open("rebind.example:7");
    first.socket.destroy();
    expect(await refused(head("rebind.example:7"))).toStartWith("HTTP/1.1 403 ");
  });
});

describe("what is asked", () => {
  const auth = () => `Proxy-Authorization: Basic ${btoa(`${run}:${token.token}`)}\r\n`;
  test.each([
    ["GET http://site.example/ HTTP/1.1\r\nHost: site.example\r\n", 405],
    ["POST http://site.example/ HTTP/1.1\r\nHost: site.example\r\nContent-Length: 0\r\n", 405],
    ["CONNECT a@site.example:443 HTTP/1.1\r\nHost: a@site.example:443\r\n", 400],
    ["CONNECT site.example HTTP/1.1\r\nHost: site.example\r\n", 400],
    ["CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n", 403],
    ["CONNECT 2130706433:443 HTTP/1.1\r\nHost: 2130706433:443\r\n", 400],
    ["CONNECT https://site.example:443 HTTP/1.1\r\nHost: site.example:443\r\n", 400],
    ["CONNECT site.example:443 HTTP/1.1\r\nHost: other.example:443\r\n", 400],
    ["CONNECT site.example:443 HTTP/1.1\r\nHost: site.example:443\r\nHost: site.example:443\r\n", 400],
    ["CONNECT site.example:443 HTTP/1.1\r\nHost: site.example:443\r\nContent-Length: 3\r\n", 400],
  ])("in %j is answered with %i", async (request, status) => {
    expect(await refused(`${request}${auth()}\r\n`)).toStartWith(`HTTP/1.1 ${status} `);
  });

  test("before the answer to the first request is never looked at", async () => {
    const before = (await world.seen())[7]?.connections ?? 0;
    const answer = await refused(`${head("site.example:7")}hello`);
    expect(answer).toStartWith("HTTP/1.1 400 ");
    expect(answer.match(/HTTP\/1\.1/g)?.length).toBe(1);
    expect((await world.seen())[7]?.connections).toBe(before);
  });

  test("at endless length or too slowly is given up", async () => {
    const path = await world.tell<string>({ do: "open", name: "impatient", limits: { head_timeout_ms: 200 } });
    const long = `CONNECT site.example:443 HTTP/1.1\r\nX: ${"a".repeat(20_000)}`;
    expect(await refused(long)).toStartWith("HTTP/1.1 429 ");
    expect(await refused("CONNECT site.example:443 HTTP/1.1\r\n", path)).toStartWith("HTTP/1.1 504 ");
  });
});

describe("the host a TLS client asks for", () => {
  const before = async () => (await world.seen())[8443]?.bytes ?? 0;

  test.each([
    ["another host", "other.example", "wrong_server_name"],
    ["a host below", "a.HOST", "wrong_server_name"],
    ["none", "", "no_server_name"],
  ])("must be that of the tunnel, not %s", async (_what, servername, reason) => {
    const host = await fresh();
    const client = await open(`${host}:8443`);
    client.send(await helloFor(servername.replace("HOST", host)));
    expect(await client.all()).toBe("");
    expect(await world.closed(host)).toMatchObject({ reason, bytes_up: 0 });
  });

  test("is looked for before anything passes, so plain text does not", async () => {
    const host = await fresh();
    const client = await open(`${host}:8443`);
    client.send("GET / HTTP/1.1\r\nHost: site.example\r\n\r\n");
    expect(await client.all()).toBe("");
    expect(await world.closed(host)).toMatchObject({ reason: "not_tls", bytes_up: 0 });
  });

  test("may come in as many pieces as the client likes, and passes byte for byte", async () => {
    const bytes = await before();
    const hello = await helloFor("site.example");
    const client = await open("site.example:8443");
    for (const byte of hello) {
      client.send(Uint8Array.of(byte));
      await new Promise<void>((done) => setImmediate(done));
    }
    await until(async () => (await before()) === bytes + hello.length);
    client.socket.destroy();
  });

  test("is waited for only so long", async () => {
    const path = await world.tell<string>({ do: "open", name: "no-hello", limits: { hello_timeout_ms: 200 } });
    const host = await fresh();
    const client = await open(`${host}:8443`, token.token, path);
    expect(await client.all()).toBe("");
    expect((await world.closed(host)).reason).toBe("no_hello");
  });
});
