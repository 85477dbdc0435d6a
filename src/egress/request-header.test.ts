/** Secrets and headers over real sockets: what is sent, to whom, and what comes back. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { closeServers, faultOf, names, serve, world } from "./testdata/requester.ts";
import { reply } from "./testdata/web-server.ts";

afterAll(() => names.close());
afterEach(closeServers);

describe("secrets", () => {
  test("go to the host they are bound to and do not come back from it", async () => {
    const server = await serve(({ headers, body }) => reply(200, { "x-echo": "1" }, `${headers["x-key"]} ${body}`));
    const { ask, events } = world([`api.example.org:${server.port}`]);
    const answer = await ask({
      url: `http://api.example.org:${server.port}/`,
      method: "POST",
      headers: { "x-key": "k={{secret:api/token}}" },
      body: { token: "{{secret:both}}", "{{secret:both}}": 1 },
    });
    expect(server.seen[0]?.headers["x-key"]).toBe("k=s3cr3t-token-value");
    expect(JSON.parse(server.seen[0]?.body ?? "")).toEqual({ token: "for-both-hosts", "{{secret:both}}": 1 });
    expect(answer.body).toStartWith("k=[secret:api/token] ");
    expect(JSON.stringify(answer)).not.toMatch(/s3cr3t|for-both/);
    expect(events[0]?.secrets).toEqual(["api/token", "both"]);
    expect(JSON.stringify(events)).not.toMatch(/s3cr3t|for-both/);
  });

  test("that come back in bytes which are no text withhold them", async () => {
    const server = await serve(() => reply(200, {}, Buffer.concat([Buffer.of(0, 255), Buffer.from("hidden")])));
    const hiding = (text: string) =>
      text.replace(Buffer.from([0, 255, 104, 105, 100]).toString("base64").slice(2, 6), "[secret]");
    const { ask } = world([`api.example.org:${server.port}`], { scrub: { text: hiding, beginning: hiding } });
    const answer = await ask({ url: `http://api.example.org:${server.port}/` });
    expect(answer).toMatchObject({ encoding: "withheld", body: "", bytes: 8, truncated: false });
  });

  test("go to no other host", async () => {
    const server = await serve(() => reply(200, {}));
    const { ask, events } = world([`www.example.org:${server.port}`]);
    for (const asked of [
      { headers: { a: "{{secret:api/token}}" } },
      { method: "POST", body: "{{secret:api/token}}" },
    ]) {
      const fault = await faultOf(ask({ url: `http://www.example.org:${server.port}/`, ...asked }));
      expect([fault.code, fault.message]).toEqual(["permission_denied", expect.stringContaining("api/token")]);
    }
    expect(server.connections()).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(["refused", "refused"]);
  });

  test("cannot break out of a header's line, nor stand in an address", async () => {
    const server = await serve(() => reply(200, {}));
    const { ask } = world([`api.example.org:${server.port}`]);
    const url = `http://api.example.org:${server.port}/`;
    const broken = await faultOf(ask({ url, headers: { "x-a": "{{secret:lines}}" } }));
    expect([broken.code, broken.message]).toEqual(["invalid_argument", expect.not.stringContaining("evil")]);
    for (const address of [`${url}?k={{secret:api/token}}`, `${url}?k=%7B%7bsecret%3Aapi/token}}`]) {
      expect((await faultOf(ask({ url: address }))).message).toBe("the address refers to a secret");
    }
    expect(server.connections()).toBe(0);
  });
});

describe("headers", () => {
  test.each([
    ["a line break", { "x-a": "b\r\nx-evil: 1" }],
    ["a bare line feed", { "x-a": "b\nx" }],
    ["NUL", { "x-a": "b\0" }],
    ["beyond ASCII", { "x-a": "é" }],
    ["a name with a space", { "x a": "b" }],
    ["a name with a colon", { "x:a": "b" }],
    ["a name with a line break", { "x\r\na": "b" }],
    ["an empty name", { "": "b" }],
    ["host", { Host: "evil.org" }],
    ["content-length", { "Content-Length": "1" }],
    ["transfer-encoding", { "transfer-encoding": "chunked" }],
    ["connection", { connection: "upgrade" }],
    ["a proxy's", { "Proxy-Authorization": "x" }],
    ["twice in two spellings", { "X-A": "1", "x-a": "2" }],
    ["too long", { "x-a": "b".repeat(17_000) }],
    ["too many", Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x-${i}`, "1"]))],
  ] as readonly (readonly [string, Record<string, string>])[])("with %s are refused", async (_why, headers) => {
    const server = await serve(() => reply(200, {}));
    const { ask, events } = world([`api.example.org:${server.port}`]);
    const fault = await faultOf(ask({ url: `http://api.example.org:${server.port}/`, headers }));
    expect(fault.code).toBe("invalid_argument");
    expect(server.connections()).toBe(0);
    expect(events).toEqual([]);
  });

  test("of an answer come back bounded, without cookies and what concerns the connection", async () => {
    const many = Array.from({ length: 150 }, (_, i) => `x-${i}: ${"v".repeat(40)}\r\n`).join("");
    const long = `x-long: ${"l".repeat(5000)}\r\n`;
    const server = await serve(
      () => `HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nX-One: 1\r\nx-one: 2\r\n${long}${many}content-length: 2\r\n\r\nok`,
    );
    const { ask } = world([`api.example.org:${server.port}`]);
    const { headers, body } = await ask({ url: `http://api.example.org:${server.port}/` });
    expect(body).toBe("ok");
    expect(headers["set-cookie"]).toBeUndefined();
    expect(headers["x-one"]).toBe("1, 2");
    expect(headers["x-long"]?.length).toBe(2048);
    expect(Object.keys(headers).length).toBe(64);
  });
});
