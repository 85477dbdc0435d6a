/** Resolving against a real name server on loopback: every address counts, every time. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { Fault } from "../core/fault.ts";
import { addressKind } from "./address.ts";
import { parseTarget } from "./host.ts";
import { openResolver, type Resolve } from "./resolve.ts";
import { type NameServer, startNameServer } from "./name-server.ts";

let server: NameServer;
let resolve: Resolve;
const named = new Set(["box.example:443", "10.0.0.9:80", "169.254.169.254:80", "localhost:80"]);

beforeAll(async () => {
  server = await startNameServer();
  resolve = openResolver({ dns_servers: [server.address], named, timeout_ms: 300 });
});
afterAll(() => server.close());

const at = (host: string, port = 443) => ({ host, port });

async function faultOf(act: Promise<unknown>): Promise<Fault> {
  const thrown = await act.then(
    (value) => new Error(`nothing was thrown but given ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  );
  if (thrown instanceof Fault) return thrown;
  throw thrown;
}

describe("a name", () => {
  test("is given with all its public addresses, the families by turns", async () => {
    server.set("site.example", { a: ["93.184.215.14", "8.8.8.8"], aaaa: ["2606:4700::1111"] });
    expect(await resolve(at("site.example"))).toEqual({
      host: "site.example",
      port: 443,
      addresses: ["2606:4700::1111", "93.184.215.14", "8.8.8.8"],
    });
  });

  test("with one family only is given with that", async () => {
    server.set("four.example", { a: ["8.8.8.8"] });
    server.set("six.example", { aaaa: ["2606:4700::1111"] });
    expect((await resolve(at("four.example"))).addresses).toEqual(["8.8.8.8"]);
    expect((await resolve(at("six.example"))).addresses).toEqual(["2606:4700::1111"]);
  });

  test.each([
    ["one private among public ones", { a: ["8.8.8.8", "10.0.0.1", "1.1.1.1"] }],
    ["a private one of the other family", { a: ["8.8.8.8"], aaaa: ["fd00::1"] }],
    ["loopback", { a: ["127.0.0.1"] }],
    ["nowhere", { a: ["0.0.0.0"] }],
    ["metadata", { a: ["169.254.169.254"] }],
    ["a mapped loopback", { aaaa: ["0:0:0:0:0:ffff:7f00:1"] }],
    ["a private one at the end of a chain", { chain: ["a.example", "b.example"], a: ["192.168.1.1"] }],
    ["a private one as the last of twenty", { a: [...Array.from({ length: 19 }, (_, i) => `8.8.8.${i}`), "10.0.0.1"] }],
  ])("that leads to %s is refused", async (_what, answer) => {
    server.set("trap.example", answer);
    const fault = await faultOf(resolve(at("trap.example")));
    expect(fault.code).toBe("permission_denied");
    expect(fault.message).toStartWith("trap.example leads to ");
    expect(fault.message).not.toMatch(/\d/);
    expect(addressKind(String(fault.data?.["address"]))).not.toBe("public");
  });

  test("through a chain of aliases is given with the addresses at its end", async () => {
    server.set("alias.example", { chain: ["a.example", "b.example"], a: ["8.8.8.8"] });
    expect((await resolve(at("alias.example"))).addresses).toEqual(["8.8.8.8"]);
  });

  test("with twenty public addresses is given with twenty", async () => {
    server.set("many.example", { a: Array.from({ length: 20 }, (_, i) => `8.8.4.${i}`) });
    expect((await resolve(at("many.example"))).addresses.length).toBe(20);
  });

  test("with more than 64 is refused", async () => {
    server.set("crowd.example", { aaaa: [], a: Array.from({ length: 65 }, (_, i) => `8.8.4.${i}`) });
    expect((await faultOf(resolve(at("crowd.example")))).message).toBe("crowd.example has more than 64 addresses");
  });

  test("is asked for anew each time, so the second answer of a rebinding name is refused", async () => {
    server.set("rebind.example", { a: ["8.8.8.8"] }, { a: ["127.0.0.1"] });
    expect((await resolve(at("rebind.example"))).addresses).toEqual(["8.8.8.8"]);
    expect((await faultOf(resolve(at("rebind.example")))).code).toBe("permission_denied");
    expect(server.asked.filter((each) => each === "rebind.example 1").length).toBe(2);
  });

  test("that is not known is unavailable, as is one without addresses", async () => {
    server.set("empty.example", {});
    expect(await faultOf(resolve(at("nowhere.example")))).toMatchObject({ code: "unavailable" });
    expect(await faultOf(resolve(at("empty.example")))).toMatchObject({ code: "unavailable" });
  });

  test("of which one family cannot be asked is refused, not half vetted", async () => {
    server.set("half.example", { a: ["8.8.8.8"], aaaa_code: 2 });
    const fault = await faultOf(resolve(at("half.example")));
    expect(fault.message).toStartWith("the name service could not say where half.example is");
  });

  test("without an answer is given up in time", async () => {
    server.set("silent.example", { silent: true });
    expect(await faultOf(resolve(at("silent.example")))).toMatchObject({ code: "deadline_exceeded" });
  });

  test("is not waited for when the run was stopped", async () => {
    server.set("silent.example", { silent: true });
    const stop = new AbortController();
    const waiting = resolve(at("silent.example"), stop.signal);
    stop.abort(new Error("stopped by the operator"));
    await expect(waiting).rejects.toThrow("stopped by the operator");
    await expect(resolve(at("site.example"), stop.signal)).rejects.toThrow("stopped by the operator");
  });

  test("that leads to an address of this machine is refused", async () => {
    const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const [first] = own.filter(({ family }) => family === "IPv4");
    server.set("self.example", { a: [first?.address ?? ""] });
    expect(await faultOf(resolve(at("self.example")))).toMatchObject({ code: "permission_denied" });
  });
});

describe("a place the operator named", () => {
  test("may be on a private network, at its own port only", async () => {
    server.set("box.example", { a: ["10.1.2.3"] });
    expect((await resolve(at("box.example"))).addresses).toEqual(["10.1.2.3"]);
    const fault = await faultOf(resolve(at("box.example", 444)));
    expect(fault.hint).toContain('"box.example:444"');
  });

  test("does not lead to metadata by a name", async () => {
    for (const a of ["169.254.169.254", "100.100.100.200", "0.0.0.0"]) {
      server.set("box.example", { a: ["10.1.2.3", a] });
      expect(await faultOf(resolve(at("box.example")))).toMatchObject({ code: "permission_denied" });
    }
  });

  test("is dialled as it stands when it is an address, and needs no name server", async () => {
    expect((await resolve(parseTarget("http://10.0.0.9/", named))).addresses).toEqual(["10.0.0.9"]);
    expect((await resolve(parseTarget("http://169.254.169.254/", named))).addresses).toEqual(["169.254.169.254"]);
    expect(await faultOf(resolve(at("10.0.0.9", 81)))).toMatchObject({ code: "permission_denied" });
    expect(await faultOf(resolve(at("[::ffff:10.0.0.9]", 80)))).toMatchObject({ code: "permission_denied" });
  });
});

test("the system's resolver is asked when no server is set", async () => {
  const system = openResolver({ dns_servers: [], named, timeout_ms: 5000 });
  expect((await system(at("localhost", 80))).addresses).toContain("127.0.0.1");
  expect(await faultOf(system(at("localhost", 81)))).toMatchObject({ code: "permission_denied" });
});
