/** Answers over real sockets: framing that is refused, bodies cut, unpacked and read as text. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { closeServers, faultOf, names, serve, world } from "./testdata/requester.ts";
import { reply } from "./testdata/web-server.ts";

afterAll(() => names.close());
afterEach(closeServers);

describe("bodies", () => {
  test("end at the limit between two characters, and the rest is not read", async () => {
    const server = await serve(() => (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const part = "€".repeat(20_000);
      const pump = () => {
        while (!socket.destroyed && socket.write(part));
      };
      socket.on("drain", pump);
      pump();
    });
    const { ask, events } = world([`api.example.org:${server.port}`]);
    const answer = await ask({ url: `http://api.example.org:${server.port}/`, max_response_bytes: 1000 });
    expect(answer).toMatchObject({ body: "€".repeat(333), truncated: true, encoding: "text" });
    expect(events.at(-1)?.bytes_down).toBeLessThan(2_000_000);
  });

  test("that are no text end at the limit too, and Latin-1 that grows as UTF-8", async () => {
    const server = await serve(({ line }) =>
      line.includes("/latin")
        ? reply(200, { "content-type": "text/plain; charset=latin1" }, Buffer.alloc(100, 0xe9))
        : reply(200, {}, Buffer.alloc(4000, 0xff)),
    );
    const { ask } = world([`api.example.org:${server.port}`]);
    const url = `http://api.example.org:${server.port}`;
    const bytes = await ask({ url: `${url}/`, max_response_bytes: 1000 });
    expect(bytes).toMatchObject({ encoding: "base64", bytes: 1000, truncated: true });
    expect(Buffer.from(bytes.body, "base64").length).toBeGreaterThan(990);
    expect(Buffer.from(bytes.body, "base64").length).toBeLessThanOrEqual(1000);
    const grown = await ask({ url: `${url}/latin`, max_response_bytes: 101 });
    expect(grown).toMatchObject({ encoding: "text", body: "é".repeat(50), truncated: true });
  });

  test("that are packed are unpacked, and a bomb is not", async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000, "a"));
    const server = await serve(({ line }) =>
      reply(200, { "content-encoding": "gzip" }, line.includes("/bomb") ? bomb : gzipSync("hello")),
    );
    const { ask } = world([`api.example.org:${server.port}`]);
    const url = `http://api.example.org:${server.port}`;
    expect(await ask({ url: `${url}/` })).toMatchObject({ body: "hello", truncated: false, bytes: 5 });
    const before = process.memoryUsage().rss;
    const answer = await ask({ url: `${url}/bomb`, max_response_bytes: 1_000_000 });
    expect(answer.body).toBe("a".repeat(1_000_000));
    expect(answer.truncated).toBe(true);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test("that say they are packed and are not, or are packed in other ways, are refused", async () => {
    const server = await serve(({ line }) =>
      reply(200, { "content-encoding": line.includes("/x") ? "zstd" : "gzip" }, "plain"),
    );
    const { ask } = world([`api.example.org:${server.port}`]);
    const url = `http://api.example.org:${server.port}`;
    expect((await faultOf(ask({ url: `${url}/` }))).code).toBe("unavailable");
    expect((await faultOf(ask({ url: `${url}/x` }))).code).toBe("failed_precondition");
  });

  test("are text by their charset, else by being UTF-8, else base64", async () => {
    const bodies: Readonly<Record<string, readonly [type: string, bytes: Uint8Array]>> = {
      latin: ["text/html; charset=ISO-8859-1", Buffer.from("caf\xe9", "latin1")],
      utf8: ["application/octet-stream", Buffer.from("café")],
      png: ["image/png", Buffer.from([0x89, 0x50, 0x00, 0xff])],
      nul: ["text/plain", Buffer.from("a\0b")],
      bom: ["text/plain", Buffer.from("\ufeffhi")],
    };
    const server = await serve(({ line }) => {
      const [type, bytes] = bodies[line.split(" ")[1]?.slice(1) ?? ""] ?? ["", Buffer.from("")];
      return reply(200, { "content-type": type }, bytes);
    });
    const { ask } = world([`api.example.org:${server.port}`]);
    const got = async (name: string) => {
      const { body, encoding } = await ask({ url: `http://api.example.org:${server.port}/${name}` });
      return [body, encoding];
    };
    expect(await got("latin")).toEqual(["café", "text"]);
    expect(await got("utf8")).toEqual(["café", "text"]);
    expect(await got("png")).toEqual(["iVAA/w==", "base64"]);
    expect(await got("nul")).toEqual(["YQBi", "base64"]);
    expect(await got("bom")).toEqual(["hi", "text"]);
  });

  test("of a GET are refused, and too large ones", async () => {
    const { ask } = world(["api.example.org:1"]);
    const url = "http://api.example.org:1/";
    expect((await faultOf(ask({ url, body: "x" }))).message).toBe("a GET request has no body");
    const large = await faultOf(ask({ url, method: "POST", body: "é".repeat(600_000) }));
    expect(large.message).toContain("the body has more than");
  });
});

describe("an answer", () => {
  const malformed: readonly (readonly [why: string, text: string])[] = [
    ["is no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["has two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
    ["has a length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["has a signed length", "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na"],
    ["folds a header", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"],
    ["has a space before a colon", "HTTP/1.1 200 OK\r\na : b\r\n\r\n"],
    ["has a bad chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
    ["has a chunk longer than it says", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n"],
    ["ends before it is whole", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"],
    ["ends in a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"],
    ["changes protocols", "HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
    ["never ends its head", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(10_000)}`],
    ["is empty", ""],
  ];
  test.each(malformed)("that %s is unavailable", async (_why, text) => {
    const server = await serve(() => text);
    const { ask, events } = world([`api.example.org:${server.port}`]);
    expect((await faultOf(ask({ url: `http://api.example.org:${server.port}/` }))).code).toBe("unavailable");
    expect(events.at(-1)).toMatchObject({ type: "closed", reason: "unavailable" });
  });

  test("in chunks, byte by byte, after hints, is read whole", async () => {
    const text =
      "HTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const server = await serve(() => (socket) => {
      const send = (at: number) => {
        if (at < text.length) socket.write(text.charAt(at), () => setImmediate(() => send(at + 1)));
      };
      send(0);
    });
    const { ask } = world([`api.example.org:${server.port}`]);
    expect((await ask({ url: `http://api.example.org:${server.port}/` })).body).toBe("abcde");
  });

  test("without a length ends with its connection, and to HEAD has no body", async () => {
    const server = await serve(({ line }) =>
      line.startsWith("HEAD") ? "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n" : "HTTP/1.0 200 OK\r\n\r\nall of it",
    );
    const { ask } = world([`api.example.org:${server.port}`]);
    const url = `http://api.example.org:${server.port}/`;
    expect((await ask({ url })).body).toBe("all of it");
    expect(await ask({ url, method: "HEAD" })).toMatchObject({ body: "", headers: { "content-length": "99" } });
  });
});
