/** What the proxy writes down before anything passes, what it holds connections to, and how it ends. */
import { afterAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { EgressTokenRow } from "../store/egress.ts";
import { startCaller, until } from "./testdata/caller.ts";
import { publicIpv4 } from "./testdata/world-address.ts";
import { RawClient } from "./testdata/world-client.ts";

const { world, proxy, token, issue, name, fresh, head, open, refused } = await startCaller();
afterAll(() => world.stop());

describe("the record", () => {
  test("is written before anything is dialled", async () => {
    await name("held.example", { a: [publicIpv4] });
    const before = (await world.seen())[7]?.connections ?? 0;
    await world.tell({ do: "record", how: "hold" });
    const client = new RawClient(proxy).send(head("held.example:7"));
    await world.held;
    (await open("site.example:7")).socket.destroy();
    expect((await world.seen())[7]?.connections).toBe(before + 1);
    expect(client.received).toBe("");
    await world.tell({ do: "record", how: "write" });
    expect(await client.until("\r\n\r\n")).toStartWith("HTTP/1.1 200 ");
    expect((await world.seen())[7]?.connections).toBe(before + 2);
    client.socket.destroy();
  });

  test("that cannot be written refuses the connection, and closing says so", async () => {
    const path = await world.tell<string>({ do: "open", name: "unrecorded" });
    const before = (await world.seen())[7]?.connections ?? 0;
    await world.tell({ do: "record", how: "fail" });
    expect(await refused(head("site.example:7"), path)).toStartWith("HTTP/1.1 500 ");
    await world.tell({ do: "record", how: "write" });
    expect((await world.seen())[7]?.connections).toBe(before);
    await expect(world.tell({ do: "close", name: "unrecorded" })).rejects.toThrow("the ledger is full");
  });
});

describe("limits", () => {
  test("of bytes up hold to the byte, over all connections of the token", async () => {
    const small = await issue({ max_bytes_up: 1000 });
    const [one, two] = [await fresh(), await fresh()];
    const before = (await world.seen())[9]?.bytes ?? 0;
    const client = await open(`${one}:9`, small.token);
    client.send("x".repeat(900));
    await until(async () => (await world.seen())[9]?.bytes === before + 900);
    const second = await open(`${two}:9`, small.token);
    second.send("x".repeat(101));
    await second.all();
    expect((await world.closed(two)).reason).toBe("used_up");
    expect((await world.seen())[9]?.bytes).toBe(before + 900);
    client.send("x".repeat(100));
    await until(async () => (await world.seen())[9]?.bytes === before + 1000);
    client.socket.destroy();
    expect((await world.closed(one)).bytes_up).toBe(1000);
    expect(await world.tell<EgressTokenRow>({ do: "row", id: small.id })).toMatchObject({
      bytes_up: 1000,
      connections: 2,
    });
  });

  test("of bytes down hold", async () => {
    const small = await issue({ max_bytes_down: 1_000_000 });
    const host = await fresh();
    const client = await open(`${host}:19`, small.token);
    expect((await client.all()).length).toBeLessThanOrEqual(1_000_000);
    const end = await world.closed(host);
    expect(end.reason).toBe("used_up");
    expect(end.bytes_down).toBeLessThanOrEqual(1_000_000);
    expect((await (await open("site.example:19")).all()).length).toBe(4_194_304);
  });

  test("of connections hold", async () => {
    const two = await issue({ max_connections: 2 });
    for (const _ of [1, 2]) (await open("site.example:7", two.token)).socket.destroy();
    expect(await refused(head("site.example:7", two.token))).toStartWith("HTTP/1.1 429 ");
    const path = await world.tell<string>({ do: "open", name: "narrow", limits: { max_connections: 1 } });
    const first = await open("site.example:7", token.token, path);
    expect(await refused(head("site.example:7"), path)).toContain("too many connections are open");
    first.socket.destroy();
  });

  test("of time hold", async () => {
    const idle = await world.tell<string>({ do: "open", name: "idle", limits: { idle_timeout_ms: 200 } });
    const short = await world.tell<string>({ do: "open", name: "short", limits: { total_timeout_ms: 200 } });
    const [one, two, three] = [await fresh(), await fresh(), await fresh()];
    await (await open(`${one}:1000`, token.token, idle)).all();
    expect((await world.closed(one)).reason).toBe("idle");
    await (await open(`${two}:1000`, token.token, short)).all();
    expect((await world.closed(two)).reason).toBe("time_up");
    const soon = await issue({ expires_at: new Date(Date.now() + 400).toISOString() });
    await (await open(`${three}:1000`, soon.token)).all();
    expect((await world.closed(three)).reason).toBe("time_up");
  });

  test("of a token that is revoked end its open tunnels", async () => {
    const over = await issue();
    const host = await fresh();
    const client = await open(`${host}:7`, over.token);
    client.send("a");
    await client.until("a");
    await world.tell({ do: "revoke", id: over.id });
    const beat = setInterval(() => client.send("b"), 50);
    await client.all();
    clearInterval(beat);
    expect((await world.closed(host)).reason).toBe("token_over");
  });
});

describe("the socket", () => {
  test("is its owner's alone", () => {
    expect(statSync(proxy).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(proxy)).mode & 0o777).toBe(0o700);
  });

  test("when closed ends every tunnel and every one is recorded", async () => {
    const path = await world.tell<string>({ do: "open", name: "closing" });
    const host = await fresh();
    const clients = await Promise.all([1, 2, 3].map(() => open(`${host}:1000`, token.token, path)));
    const waiting = await open(`${host}:8443`, token.token, path);
    const silent = new RawClient(path);
    await world.tell({ do: "close", name: "closing" });
    await Promise.all([...clients, waiting, silent].map((client) => client.all()));
    await until(async () => world.of(host).filter(({ event }) => event === "egress.closed").length === 4);
    const ends = world.of(host).filter(({ event }) => event === "egress.closed");
    expect(ends.map(({ reason }) => reason)).toEqual(["stopped", "stopped", "stopped", "stopped"]);
  });
});
