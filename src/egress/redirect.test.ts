/** Redirects over real sockets: every hop decided, resolved and vetted anew, credentials left behind. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { closeServers, faultOf, names, serve, world } from "./testdata/requester.ts";
import { reply } from "./testdata/web-server.ts";

afterAll(() => names.close());
afterEach(closeServers);

describe("redirects", () => {
  const secret = { authorization: "Bearer {{secret:api/token}}", "x-plain": "mine", accept: "text/plain" };

  test("to another host are decided anew and leave credentials behind", async () => {
    const target = await serve(() => reply(200, {}, "arrived"));
    const server = await serve(() => reply(302, { location: `http://www.example.org:${target.port}/next?x=1` }));
    const { ask, asked } = world([`api.example.org:${server.port}`, `www.example.org:${target.port}`]);
    const answer = await ask({ url: `http://api.example.org:${server.port}/`, headers: secret });
    expect(answer.body).toBe("arrived");
    expect(answer.redirects).toEqual([`302 http://www.example.org:${target.port}/next`]);
    expect(server.seen[0]?.headers).toMatchObject({
      authorization: "Bearer s3cr3t-token-value",
      "x-plain": "mine",
    });
    expect(Object.keys(target.seen[0]?.headers ?? {})).not.toContain("authorization");
    expect(Object.keys(target.seen[0]?.headers ?? {})).not.toContain("x-plain");
    expect(target.seen[0]?.headers["accept"]).toBe("text/plain");
    expect(asked).toEqual([`GET api.example.org:${server.port}/`, `GET www.example.org:${target.port}/next`]);
  });

  test("to the same origin keep them, also by relative addresses", async () => {
    const server = await serve(({ line }) => {
      if (line.startsWith("GET /a/start ")) return reply(307, { location: "next" });
      if (line.startsWith("GET /a/next ")) return reply(301, { location: "?q=2" });
      if (line.startsWith("GET /a/next?q=2 ")) return reply(308, { location: "/b/../end#x" });
      return reply(200, {}, line);
    });
    const { ask } = world([`api.example.org:${server.port}`]);
    const answer = await ask({ url: `http://api.example.org:${server.port}/a/start`, headers: secret });
    expect(answer.body).toBe("GET /end HTTP/1.1");
    expect(server.seen.map((seen) => seen.headers["authorization"])).toEqual(
      Array(4).fill("Bearer s3cr3t-token-value"),
    );
  });

  test("to another port of the same host are another origin, and what was left behind does not come back", async () => {
    let first = 0;
    const far = await serve(() => reply(302, { location: `http://api.example.org:${first}/back` }));
    const near = await serve(({ line }) =>
      line.includes("/back") ? reply(200, {}, "home") : reply(302, { location: `http://api.example.org:${far.port}/` }),
    );
    first = near.port;
    const { ask } = world([`api.example.org:${near.port}`, `api.example.org:${far.port}`]);
    expect((await ask({ url: `http://api.example.org:${near.port}/`, headers: secret })).body).toBe("home");
    const sent = [near.seen[0], far.seen[0], near.seen[1]].map((seen) => seen?.headers["authorization"]);
    expect(sent).toEqual(["Bearer s3cr3t-token-value", undefined, undefined]);
  });

  test.each([
    [301, "POST", "GET", ""],
    [302, "POST", "GET", ""],
    [303, "PUT", "GET", ""],
    [307, "POST", "POST", "data"],
    [308, "PUT", "PUT", "data"],
    [302, "DELETE", "DELETE", "data"],
  ])("%d turns a %s into a %s", async (status, method, next, body) => {
    const server = await serve(({ line }) =>
      line.includes("/next") ? reply(200, {}, "done") : reply(status, { location: "/next" }),
    );
    const { ask, asked } = world([`api.example.org:${server.port}`]);
    await ask({ url: `http://api.example.org:${server.port}/`, method, body: "data" });
    expect(server.seen[1]?.line).toBe(`${next} /next HTTP/1.1`);
    expect(server.seen[1]?.body).toBe(body);
    expect(server.seen[1]?.headers["content-type"]).toBe(body === "" ? undefined : "text/plain; charset=utf-8");
    expect(asked[1]).toStartWith(`${next} `);
  });

  test("a body with a secret goes to no other place, not even one the secret is bound to", async () => {
    const target = await serve(() => reply(200, {}));
    const server = await serve(() => reply(307, { location: `http://www.example.org:${target.port}/` }));
    const { ask, events } = world([`api.example.org:${server.port}`, `www.example.org:${target.port}`]);
    const url = `http://api.example.org:${server.port}/`;
    const fault = await faultOf(ask({ url, method: "POST", body: { deep: ["x {{secret:both}}"] } }));
    expect([fault.code, fault.message]).toEqual(["permission_denied", expect.stringContaining("a body with a secret")]);
    expect(target.connections()).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: "refused", host: "api.example.org", reason: "permission_denied" });
  });

  const evil: readonly (readonly [why: string, location: string, code: string])[] = [
    ["a literal address", "http://127.0.0.1:1/", "permission_denied"],
    ["metadata", "http://169.254.169.254/latest/meta-data/", "permission_denied"],
    ["an octal address", "http://0177.0.0.1/", "invalid_argument"],
    ["another scheme", "file:///etc/passwd", "invalid_argument"],
    ["credentials", "https://a:b@www.example.org/", "invalid_argument"],
    ["a backslash", "https://www.example.org\\@evil.org/", "invalid_argument"],
    ["a place beside the named one", "http://api.example.org:1/", "permission_denied"],
    ["a name of the machine", "http://localhost/", "permission_denied"],
    ["a host without a slash before it", "//169.254.169.254/", "permission_denied"],
    ["a tab", "https://www.exa\tmple.org/", "invalid_argument"],
    ["an encoded slash", "/a%2f..%2fb", "invalid_argument"],
  ];
  test.each(evil)("to %s are refused and written down", async (_why, location, code) => {
    const server = await serve(() => reply(302, { location }));
    const { ask, events } = world([`api.example.org:${server.port}`]);
    const fault = await faultOf(ask({ url: `http://api.example.org:${server.port}/` }));
    expect(fault.code as string).toBe(code);
    expect(events.at(-1)).toMatchObject({ type: "refused", reason: code });
    expect(server.connections()).toBe(1);
  });

  test("are refused where policy does not allow the next place", async () => {
    const target = await serve(() => reply(200, {}, "stolen"));
    const server = await serve(() => reply(302, { location: `http://www.example.org:${target.port}/` }));
    const { ask, events } = world([`api.example.org:${server.port}`, `www.example.org:${target.port}`], {
      permits: (endpoint) => endpoint.startsWith("GET api."),
    });
    expect((await faultOf(ask({ url: `http://api.example.org:${server.port}/` }))).code).toBe("permission_denied");
    expect(target.connections()).toBe(0);
    expect(events.at(-1)).toMatchObject({ type: "refused", host: "www.example.org", port: target.port });
  });

  test("to a name that has come to lead elsewhere are refused: every hop asks anew", async () => {
    names.set("turn.example.org", { a: ["127.0.0.1"] }, { a: ["169.254.169.254"] });
    const server = await serve(() => reply(302, { location: "/again" }));
    const { ask, events } = world([`turn.example.org:${server.port}`]);
    const fault = await faultOf(ask({ url: `http://turn.example.org:${server.port}/` }));
    expect(fault.code).toBe("permission_denied");
    expect(server.connections()).toBe(1);
    expect(events.map(({ type }) => type)).toEqual(["open", "closed", "refused"]);
  });

  test("to a name of a private network are refused", async () => {
    names.set("inside.example.org", { a: ["10.0.0.7"] });
    const server = await serve(() => reply(302, { location: "https://inside.example.org/" }));
    const { ask } = world([`api.example.org:${server.port}`]);
    const fault = await faultOf(ask({ url: `http://api.example.org:${server.port}/` }));
    expect([fault.code, fault.message]).toEqual([
      "permission_denied",
      expect.stringContaining("inside.example.org leads to"),
    ]);
  });

  test("to two places at once are refused", async () => {
    const server = await serve(() => "HTTP/1.1 302 X\r\nlocation: /a\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n");
    const { ask, events } = world([`api.example.org:${server.port}`]);
    expect((await faultOf(ask({ url: `http://api.example.org:${server.port}/` }))).code).toBe("unavailable");
    expect(server.seen.length).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: "refused", reason: "unavailable" });
  });

  test("end after five", async () => {
    const server = await serve(() => reply(302, { location: "/again" }));
    const { ask } = world([`api.example.org:${server.port}`]);
    expect((await faultOf(ask({ url: `http://api.example.org:${server.port}/` }))).code).toBe("failed_precondition");
    expect(server.seen.length).toBe(6);
  });

  test("without a place to go are answers", async () => {
    const server = await serve(() => reply(302, {}, "nowhere"));
    const { ask } = world([`api.example.org:${server.port}`]);
    expect(await ask({ url: `http://api.example.org:${server.port}/` })).toMatchObject({
      status: 302,
      body: "nowhere",
    });
  });
});
