/** Tunnels between real sockets on loopback: what is counted, and how an end on one side looks on the other. */
import { afterEach, describe, expect, test } from "bun:test";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type TunnelOptions, tunnel } from "./tunnel.ts";

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Two ends of one connection; the second one is paused, as a tunnel wants it. */
async function pair(): Promise<readonly [outer: Socket, inner: Socket]> {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, accepted.resolve);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const outer = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const inner = await accepted.promise;
  sockets.push(outer, inner);
  return [outer, inner];
}

const options = (more: Partial<TunnelOptions> = {}): TunnelOptions => ({
  first: Buffer.alloc(0),
  take: () => undefined,
  idle_timeout_ms: 60_000,
  total_timeout_ms: 60_000,
  signal: new AbortController().signal,
  ...more,
});

/** How a socket ends, as its user sees it, and what came before. */
async function endOf(socket: Socket): Promise<{ readonly how: "end" | "reset"; readonly text: string }> {
  let text = "";
  const { promise, resolve } = Promise.withResolvers<"end" | "reset">();
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.on("end", () => resolve("end")).on("error", () => resolve("reset"));
  return { how: await promise, text };
}

describe("a tunnel", () => {
  test("passes the first bytes first, counts all of them before they pass, and each side may end on its own", async () => {
    const [[client, clientEnd], [server, serverEnd]] = await Promise.all([pair(), pair()]);
    const taken: string[] = [];
    const take = (direction: string, bytes: number) => void taken.push(`${direction} ${bytes}`);
    const result = tunnel(clientEnd, serverEnd, options({ first: Buffer.from("first "), take }));
    client.end("second");
    expect(await endOf(server)).toEqual({ how: "end", text: "first second" });
    server.end("answer");
    expect(await endOf(client)).toEqual({ how: "end", text: "answer" });
    expect(await result).toEqual({ reason: "done", bytes_up: 12, bytes_down: 6 });
    expect(taken).toEqual(["up 6", "up 6", "down 6"]);
  });

  test.each([
    ["a refusal", () => "used_up" as const, "used_up"],
    [
      "a count that fails",
      () => {
        throw new Error("the disk is full");
      },
      "uncounted",
    ],
  ])("is ended by %s, and what was not counted does not pass", async (_what, take, reason) => {
    const [[client, clientEnd], [server, serverEnd]] = await Promise.all([pair(), pair()]);
    const result = tunnel(clientEnd, serverEnd, options({ take: take as TunnelOptions["take"] }));
    client.write("hello");
    expect(await endOf(server)).toEqual({ how: "reset", text: "" });
    expect(await result).toEqual({ reason: reason as "used_up", bytes_up: 0, bytes_down: 0 });
  });

  test("whose client resets looks reset to the server, and the other way round it is over for the client", async () => {
    const [[client, clientEnd], [server, serverEnd]] = await Promise.all([pair(), pair()]);
    const result = tunnel(clientEnd, serverEnd, options());
    client.write("x");
    server.once("data", () => client.resetAndDestroy());
    expect((await endOf(server)).how).toBe("reset");
    expect((await result).reason).toBe("client_reset");

    const [[one, oneEnd], [two, twoEnd]] = await Promise.all([pair(), pair()]);
    const second = tunnel(oneEnd, twoEnd, options());
    one.write("x");
    two.once("data", () => two.resetAndDestroy());
    await endOf(one);
    expect((await second).reason).toBe("server_reset");
  });

  test("ends with its signal, also one that was aborted before, and with its time", async () => {
    const stop = new AbortController();
    const [[, clientEnd], [server, serverEnd]] = await Promise.all([pair(), pair()]);
    const result = tunnel(clientEnd, serverEnd, options({ signal: stop.signal }));
    stop.abort();
    expect((await result).reason).toBe("stopped");
    expect((await endOf(server)).how).toBe("reset");
    const [[, a], [, b]] = await Promise.all([pair(), pair()]);
    expect((await tunnel(a, b, options({ signal: stop.signal, first: Buffer.from("x") }))).bytes_up).toBe(0);
    const [[, c], [, d]] = await Promise.all([pair(), pair()]);
    expect((await tunnel(c, d, options({ total_timeout_ms: -5 }))).reason).toBe("time_up");
  });

  test("holds back a fast side for a slow one", async () => {
    const [[client, clientEnd], [server, serverEnd]] = await Promise.all([pair(), pair()]);
    server.pause();
    let taken = 0;
    const take = (_direction: string, bytes: number) => {
      taken += bytes;
      return undefined;
    };
    const size = 67_108_864;
    const result = tunnel(clientEnd, serverEnd, options({ take }));
    client.end(Buffer.alloc(size));
    // Until nothing moves any more, the buffers of two connections are full.
    for (let before = -1; taken === 0 || before !== taken; await Bun.sleep(20)) before = taken;
    expect(taken).toBeLessThan(size / 2);
    let got = 0;
    server.on("data", (chunk: Buffer) => {
      got += chunk.length;
    });
    server.on("end", () => server.end());
    server.resume();
    expect(await result).toEqual({ reason: "done", bytes_up: size, bytes_down: 0 });
    expect(got).toBe(size);
  });
});
