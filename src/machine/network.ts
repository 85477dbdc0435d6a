/** Interfaces, routes and name servers as the kernel and the resolver's file have them. */
import type { InterfaceFacts, RouteFacts } from "../define/handles.ts";
import { parseNetworkAddress, parseTableAddress } from "./address.ts";
import { decimal, harmless, type KernelRoots, readRequired, readText, saturate } from "./kernel.ts";

/** IPv4 addresses with prefix length, by interface: the kernel shows them in no file, so the C library is asked. */
export type Ipv4Addresses = () => ReadonlyMap<string, readonly string[]>;

export function readInterfaces(roots: KernelRoots, ipv4: Ipv4Addresses): readonly InterfaceFacts[] {
  const ipv6 = readIpv6Addresses(roots);
  const addresses4 = ipv4();
  return readRequired(`${roots.proc}/net/dev`)
    .split("\n")
    .flatMap((line) => {
      // The name may hold a colon, the counters after the last one do not.
      const colon = line.lastIndexOf(":");
      const counters = line.slice(colon + 1).trim();
      if (colon < 0 || !/^\d/.test(counters)) return [];
      const name = line.slice(0, colon).trim();
      const values = counters.split(/\s+/);
      const addresses = [...(addresses4.get(name) ?? []), ...(ipv6.get(name) ?? [])];
      const mac = readText(`${roots.sys}/class/net/${name}/address`)?.trim();
      return [
        {
          name: harmless(name),
          up: isUp(readText(`${roots.sys}/class/net/${name}/flags`)) ?? addresses.length > 0,
          mac: mac && !/^[0:]+$/.test(mac) ? harmless(mac) : null,
          addresses,
          received_bytes: decimal(values[0]),
          sent_bytes: decimal(values[8]),
        },
      ];
    });
}

/** Routes that carry something, of the main tables, IPv4 then IPv6, destinations in CIDR form. */
export function readRoutes(roots: KernelRoots): readonly RouteFacts[] {
  const ipv4 = readText(`${roots.proc}/net/route`) ?? "";
  const ipv6 = readText(`${roots.proc}/net/ipv6_route`) ?? "";
  return [...ipv4.split("\n").flatMap(parseIpv4Route), ...ipv6.split("\n").flatMap(parseIpv6Route)];
}

/** resolv.conf(5): of several search or domain lines the last one counts. */
export function parseResolver(text: string): {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
} {
  const nameservers: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = harmless(line.replaceAll("\t", " ").trim()).split(/ +/);
    if (keyword === "nameserver" && values[0] !== undefined) nameservers.push(values[0]);
    if (keyword === "search") search = values;
    if (keyword === "domain") search = values.slice(0, 1);
  }
  return { nameservers, search };
}

/** include/uapi/linux/if.h IFF_UP; undefined when the kernel does not show the flags. */
function isUp(flags: string | undefined): boolean | undefined {
  const value = /^0x([0-9a-f]+)$/i.exec(flags?.trim() ?? "")?.[1];
  return value === undefined ? undefined : Number.parseInt(value, 16) % 2 === 1;
}

function readIpv6Addresses(roots: KernelRoots): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of (readText(`${roots.proc}/net/if_inet6`) ?? "").split("\n")) {
    const [hex = "", , prefix = "", , , name] = line.trim().split(/\s+/);
    const address = parseNetworkAddress(hex);
    if (address === undefined || name === undefined) continue;
    found.set(name, [...(found.get(name) ?? []), `${address}/${Number.parseInt(prefix, 16)}`]);
  }
  return found;
}

/** include/uapi/linux/route.h and ipv6_route.h. */
const route = { up: 0x1, gateway: 0x2, reject: 0x200, anycast: 0x0010_0000, local: 0x8000_0000 } as const;

function has(flags: number, flag: number): boolean {
  return Math.floor(flags / flag) % 2 === 1;
}

function parseIpv4Route(line: string): readonly RouteFacts[] {
  const [name, to = "", via = "", flagText = "", , , metric, mask = ""] = line.trim().split(/\s+/);
  const destination = parseTableAddress(to);
  const gateway = parseTableAddress(via);
  const flags = Number.parseInt(flagText, 16);
  if (!name || to.length !== 8 || !destination || !gateway || !has(flags, route.up) || has(flags, route.reject))
    return [];
  const bits = [...mask].reduce((sum, digit) => sum + onesOf(Number.parseInt(digit, 16)), 0);
  return [
    {
      destination: `${destination}/${bits}`,
      gateway: has(flags, route.gateway) ? gateway : null,
      interface: harmless(name),
      metric: decimal(metric),
    },
  ];
}

/** The file mixes in the local table: own addresses, anycast and multicast are no routes a person asks about. */
function parseIpv6Route(line: string): readonly RouteFacts[] {
  const [to = "", prefix = "", , , via = "", metric = "", , , flagText = "", name] = line.trim().split(/\s+/);
  const destination = parseNetworkAddress(to);
  const gateway = parseNetworkAddress(via);
  const flags = Number.parseInt(flagText, 16);
  if (!name || !destination || !gateway || !has(flags, route.up)) return [];
  if (has(flags, route.local) || has(flags, route.anycast) || has(flags, route.reject) || to.startsWith("ff"))
    return [];
  return [
    {
      destination: `${destination}/${Number.parseInt(prefix, 16)}`,
      gateway: has(flags, route.gateway) ? gateway : null,
      interface: harmless(name),
      metric: saturate(Number.parseInt(metric, 16)),
    },
  ];
}

function onesOf(value: number): number {
  return value === 0 ? 0 : (value % 2) + onesOf(Math.floor(value / 2));
}
