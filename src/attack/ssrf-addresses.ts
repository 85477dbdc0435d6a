/** Attacks by names: what the name service says leads into the machine, its network, or a cloud's metadata. */
import { unless } from "./attack.ts";
import type { Ground } from "./ground.ts";
import type { NameAnswer } from "../egress/name-server.ts";
import { ask, inside, type Member } from "./outbound.ts";
import { publicAddress } from "./road.ts";

const publicIpv6 = "2606:2800:220:1:248:1893:25c8:1946";

/** Answers of one name, each of which must lead nowhere. */
const families: readonly (readonly [id: string, title: string, ...answers: readonly NameAnswer[]])[] = [
  ["loopback", "this machine", ...all("127.0.0.1", "127.255.255.254", "0.0.0.0")],
  ["private", "private networks", ...all(inside, "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1")],
  ["shared", "the shared space of carriers", ...all("100.64.0.1", "100.127.255.255")],
  ["metadata", "a cloud's metadata", ...all("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192")],
  ["link-local", "the link", ...all("169.254.0.1", "fe80::1", "fec0::1")],
  ["many", "many at once", ...all("224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1")],
  ["reserved", "reserved space", ...all("240.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1")],
  ["loopback-6", "this machine by IPv6", ...all("::1", "::")],
  ["private-6", "private networks by IPv6", ...all("fc00::1", "fd00:ec2::254", "fdff:ffff::1")],
  ["special-6", "IPv6 that is no place", ...all("2001:db8::1", "3fff::1", "5f00::1", "4000::1", "100::1")],
  ["mapped", "IPv4 in mapped IPv6", ...all("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254")],
  ["compatible", "IPv4 in the old IPv6", ...all("::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1")],
  ["nat64", "IPv4 behind a translator", ...all("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1")],
  ["tunnelled", "IPv4 in a tunnel's IPv6", ...all("2002:7f00:1::1", "2001:0:7f00:1::1")],
];

function all(...addresses: readonly string[]): readonly NameAnswer[] {
  return addresses.map((each) => (each.includes(":") ? { aaaa: [each] } : { a: [each] }));
}

const led = families.map(([id, title, ...answers]): Member => ({
  id: `name-${id}`,
  title: `names lead to ${title}: ${answers.length} addresses`,
  expects: "egress-addresses",
  perform: async (ground) => {
    const through: string[] = [];
    for (const [i, each] of answers.entries()) {
      const name = `n${i}.lured.example`;
      ground.road.names.set(name, each);
      await request(ground, name);
      if (ground.road.arrivals.length > through.length) through.push(JSON.stringify(each));
    }
    return unless(through.length > 0, `${through.length} of ${answers.length} were reached, first ${through[0]}`);
  },
}));

/** One name whose answers lead to `wanted` sooner or later. */
const lures: readonly (readonly [id: string, title: string, wanted: string, ...answers: readonly NameAnswer[]])[] = [
  ["mixed", "a private address behind a public one", inside, { a: [publicAddress, inside] }],
  ["mixed-first", "a private address before a public one", inside, { a: [inside, publicAddress] }],
  ["mixed-families", "a public IPv4 and a private IPv6", "fc00::1", { a: [publicAddress], aaaa: ["fc00::1"] }],
  ["mixed-families-4", "a public IPv6 and a private IPv4", inside, { a: [inside], aaaa: [publicIpv6] }],
  ["alias", "an alias that ends at a private address", inside, { chain: ["cdn.example", "edge.example"], a: [inside] }],
  ["alias-local", "an alias of localhost", "127.0.0.1", { chain: ["localhost"], a: ["127.0.0.1"] }],
  ["alias-metadata", "an alias of the metadata service", "169.254.169.254", metadata()],
  ["rebound", "a public address first, a private one later", inside, { a: [publicAddress] }, { a: [inside] }],
  ["rebound-6", "a public address first, loopback by IPv6 later", "::1", { a: [publicAddress] }, { aaaa: ["::1"] }],
  ["rebound-back", "a private address for one call in three", inside, ...flutter()],
];

function metadata(): NameAnswer {
  return { chain: ["metadata.google.internal"], a: ["169.254.169.254"] };
}

function flutter(): readonly NameAnswer[] {
  return [{ a: [publicAddress] }, { a: [publicAddress, inside] }, { a: [publicAddress] }];
}

const lured = lures.map(([id, title, wanted, ...answers]): Member => ({
  id: `name-${id}`,
  title,
  expects: "egress-addresses",
  perform: async (ground) => {
    ground.road.names.set("lured.example", ...answers);
    for (const _ of answers) await request(ground, "lured.example");
    const most = answers.filter((each) => !addressesIn(each).includes(wanted)).length;
    if (ground.road.arrivals.length < most) throw new Error("the public addresses were not reached");
    // Of several addresses one is dialled; that there was one to refuse is what counts.
    return unless(ground.road.arrivals.length > most, `${ground.road.arrivals.length} connections were made`);
  },
}));

function addressesIn({ a = [], aaaa = [] }: NameAnswer): readonly string[] {
  return [...a, ...aaaa];
}

/** The operator named vault.internal:8080; everything near it is not named. */
const near: readonly Member[] = [
  close("another name of it", "http://alias.example:8080/", "alias.example", { a: [inside] }),
  close("another name of it, as an alias", "http://alias.example:8080/", "alias.example", {
    chain: ["vault.internal"],
    a: [inside],
  }),
  close("its name, which leads to metadata by now", "http://vault.internal:8080/", "vault.internal", {
    a: ["169.254.169.254"],
  }),
  close("its name, which leads to metadata besides", "http://vault.internal:8080/", "vault.internal", {
    a: [inside, "169.254.169.254"],
  }),
].map((member, i) => ({ ...member, id: `named-${i + 1}` }));

function close(title: string, url: string, name: string, answer: NameAnswer): Member {
  return {
    id: "",
    title: `a place the operator named: ${title}`,
    expects: "egress-addresses",
    perform: async (ground) => {
      ground.road.names.set("vault.internal", { a: [inside] });
      await ask(ground, { url: "http://vault.internal:8080/" });
      if (ground.road.arrivals.length !== 1) throw new Error("the place itself was not reached");
      ground.road.names.set(name, answer);
      await ask(ground, { url });
      return unless(ground.road.arrivals.length > 1, "it was reached");
    },
  };
}

function request(ground: Ground, name: string): Promise<unknown> {
  return ask(ground, { url: `https://${name}/` });
}

export const addressAttacks: readonly Member[] = [...led, ...lured, ...near];
