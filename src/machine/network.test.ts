/** Addresses, interfaces, routes and name servers, from files we wrote and against the C library's view of this machine. */
import { describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import * as fc from "fast-check";
import { formatAddress, parseEndpoint, parseNetworkAddress, parseTableAddress } from "./address.ts";
import { parseResolver } from "./network.ts";
import { openMachine } from "./open.ts";
import { plantMachine } from "./testdata/plant.ts";

const ipv4 = () => new Map([["eth0", ["192.168.7.2/24"]]]);

describe("on a machine of files", () => {
  test("interfaces have their state, addresses and counters", async () => {
    expect(await openMachine({ ...plantMachine(), ipv4 }).interfaces()).toEqual([
      { name: "lo", up: true, mac: null, addresses: ["::1/128"], received_bytes: 88_112, sent_bytes: 88_112 },
      {
        name: "eth0",
        up: true,
        mac: "b8:27:eb:00:11:22",
        addresses: ["192.168.7.2/24", "fd00::ba27:ebff:fe00:1122/64", "fe80::ba27:ebff:fe00:1122/64"],
        received_bytes: Number.MAX_SAFE_INTEGER,
        sent_bytes: 4_455_667,
      },
      { name: "wlan0", up: false, mac: "b8:27:eb:33:44:55", addresses: [], received_bytes: 0, sent_bytes: 0 },
    ]);
  });

  test("without sysfs an interface with an address counts as up", async () => {
    const interfaces = await openMachine({ ...plantMachine({ sys: null }), ipv4 }).interfaces();
    expect(interfaces.map(({ name, up, mac }) => [name, up, mac])).toEqual([
      ["lo", true, null],
      ["eth0", true, null],
      ["wlan0", false, null],
    ]);
  });

  test("an interface name with a colon keeps its counters apart", async () => {
    const roots = plantMachine({ "proc/net/dev": "h\nh\neth0:1: 7 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\n" });
    expect(await openMachine({ ...roots, ipv4 }).interfaces()).toMatchObject([
      { name: "eth0:1", received_bytes: 7, sent_bytes: 9 },
    ]);
  });

  test("routes are those that are up and carry something, without the local table", async () => {
    expect(await openMachine(plantMachine()).routes()).toEqual([
      { destination: "0.0.0.0/0", gateway: "192.168.7.1", interface: "eth0", metric: 100 },
      { destination: "192.168.7.0/24", gateway: null, interface: "eth0", metric: 100 },
      { destination: "fd00::/64", gateway: null, interface: "eth0", metric: 256 },
      { destination: "::/0", gateway: "fe80::1", interface: "eth0", metric: 1024 },
    ]);
  });

  test("the last search line counts, and comments and options do not", async () => {
    expect(await openMachine(plantMachine()).dns()).toEqual({
      nameservers: ["192.168.7.1", "fd00::1"],
      search: ["home.arpa", "lan"],
    });
  });

  test("no resolver file means no name servers", async () => {
    expect(await openMachine(plantMachine({ "etc/resolv.conf": null })).dns()).toEqual({ nameservers: [], search: [] });
    expect(parseResolver("nameserver\n; nameserver 1.2.3.4\n")).toEqual({ nameservers: [], search: [] });
  });
});

describe("addresses", () => {
  const bytes16 = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(255)), {
    minLength: 16,
    maxLength: 16,
  });
  const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString("hex").toUpperCase();
  const isMapped = (bytes: readonly number[]): boolean => hex(bytes).startsWith("00000000000000000000FFFF");

  test("are written as the URL standard writes them", async () => {
    await fc.assert(
      fc.property(bytes16, (bytes) => {
        fc.pre(!isMapped(bytes));
        const text = formatAddress(bytes);
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
        expect(parseNetworkAddress(hex(bytes))).toBe(text);
      }),
    );
  });

  test("in a socket table have each word turned round", async () => {
    await fc.assert(
      fc.property(bytes16, (bytes) => {
        const words = [0, 4, 8, 12].map((at) => bytes.slice(at, at + 4).reverse());
        expect(parseTableAddress(hex(words.flat()))).toBe(formatAddress(bytes));
      }),
    );
  });

  test("of IPv4 are dotted, also inside IPv6", () => {
    expect(parseTableAddress("0100007F")).toBe("127.0.0.1");
    expect(parseTableAddress("0000000000000000FFFF00000100007F")).toBe("::ffff:127.0.0.1");
  });

  test.each(["", "0", "0100007", "0100007G", "0100007F0100007F", "0100007F ", "-100007F"])("%j is none", (text) => {
    expect(parseTableAddress(text)).toBeUndefined();
  });

  test.each(["0100007F", "0100007F:35", "0100007F:00035", "0100007F:G035", ":0035"])("%j is no endpoint", (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});

test("on this machine every address the C library knows is on its interface", async () => {
  const interfaces = await openMachine().interfaces();
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const facts = interfaces.find((each) => each.name === name);
    expect(facts?.up).toBe(true);
    for (const { cidr } of addresses) if (cidr) expect(facts?.addresses).toContain(cidr);
  }
  expect(interfaces.find(({ name }) => name === "lo")?.addresses).toContain("127.0.0.1/8");
});
