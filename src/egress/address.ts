/** What kind of place an IP address is: the public Internet, a private network, or one that nobody is sent to by a name. */
import { networkInterfaces } from "node:os";

/**
 * `private`: loopback, private networks and this machine's own addresses, where a name the operator listed may lead.
 * `special`: link-local and the metadata services of clouds, multicast, and whatever is no place of its own; only the
 * listed address itself leads there.
 */
export type AddressKind = "public" | "private" | "special";

/** A network: how its addresses begin, in bits. */
interface Network {
  readonly bits: bigint;
  readonly length: number;
  readonly kind: AddressKind;
}

/** IANA's registries of special-purpose addresses (RFC 6890), and the addresses clouds answer for their metadata. */
const ipv4Networks: readonly Network[] = [
  network4("0.0.0.0", 8, "special"),
  network4("10.0.0.0", 8, "private"),
  network4("100.100.100.200", 32, "special"),
  network4("100.64.0.0", 10, "private"),
  network4("127.0.0.0", 8, "private"),
  network4("168.63.129.16", 32, "special"),
  network4("169.254.0.0", 16, "special"),
  network4("172.16.0.0", 12, "private"),
  network4("192.0.0.0", 24, "special"),
  network4("192.0.2.0", 24, "special"),
  network4("192.88.99.0", 24, "special"),
  network4("192.168.0.0", 16, "private"),
  network4("198.18.0.0", 15, "special"),
  network4("198.51.100.0", 24, "special"),
  network4("203.0.113.0", 24, "special"),
  network4("224.0.0.0", 4, "special"),
  network4("240.0.0.0", 4, "special"),
];

/** Only 2000::/3 is the public Internet. 2001::/23 holds Teredo, 2002::/16 is 6to4: both hide an IPv4 address. */
const ipv6Networks: readonly Network[] = [
  network6("::1", 128, "private"),
  network6("fd00:ec2::254", 128, "special"),
  network6("fd20:ce::254", 128, "special"),
  network6("fc00::", 7, "private"),
  network6("2001::", 23, "special"),
  network6("2001:db8::", 32, "special"),
  network6("2002::", 16, "special"),
  network6("3fff::", 20, "special"),
  network6("2000::", 3, "public"),
];

/** Addresses that stand for an IPv4 address and go where that one goes: mapped ones, and those of NAT64 (RFC 6052). */
const ipv4Inside: readonly Network[] = [network6("::ffff:0:0", 96, "public"), network6("64:ff9b::", 96, "public")];

/**
 * The kind of an address, `special` for a text that is none. `own` are the addresses of this machine: a name that leads
 * back to it is no way into it.
 */
export function addressKind(text: string, own: ReadonlySet<string> = ownAddresses()): AddressKind {
  const ipv4 = ipv4Bits(text);
  if (ipv4 !== undefined) return ipv4Kind(ipv4, own);
  const ipv6 = ipv6Bits(text);
  if (ipv6 === undefined) return "special";
  if (ipv4Inside.some((network) => holds(network, ipv6, 128))) return ipv4Kind(ipv6 & 0xffff_ffffn, own);
  const kind = ipv6Networks.find((network) => holds(network, ipv6, 128))?.kind ?? "special";
  return kind === "public" && own.has(keyOf(6, ipv6)) ? "private" : kind;
}

function ipv4Kind(bits: bigint, own: ReadonlySet<string>): AddressKind {
  const kind = ipv4Networks.find((network) => holds(network, bits, 32))?.kind ?? "public";
  return kind === "public" && own.has(keyOf(4, bits)) ? "private" : kind;
}

/** The addresses of this machine's interfaces now, in the form `addressKind` takes. */
export function ownAddresses(): ReadonlySet<string> {
  const own = new Set<string>();
  for (const { address } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
    const text = address.replace(/%.*$/, "");
    const ipv4 = ipv4Bits(text);
    const ipv6 = ipv6Bits(text);
    if (ipv4 !== undefined) own.add(keyOf(4, ipv4));
    if (ipv6 !== undefined) own.add(keyOf(6, ipv6));
  }
  return own;
}

/** The family of an address without brackets or zone; undefined for a text that is none. */
export function addressFamily(text: string): 4 | 6 | undefined {
  if (ipv4Bits(text) !== undefined) return 4;
  return ipv6Bits(text) === undefined ? undefined : 6;
}

function keyOf(family: 4 | 6, bits: bigint): string {
  return `${family}:${bits.toString(16)}`;
}

function holds({ bits, length }: Network, address: bigint, size: number): boolean {
  const rest = BigInt(size - length);
  return address >> rest === bits >> rest;
}

function network4(text: string, length: number, kind: AddressKind): Network {
  return { bits: ipv4Bits(text) ?? 0n, length, kind };
}

function network6(text: string, length: number, kind: AddressKind): Network {
  return { bits: ipv6Bits(text) ?? 0n, length, kind };
}

/** Four numbers without leading zeros; every other spelling is no address here. */
function ipv4Bits(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

/** RFC 4291 section 2.2, without a zone. */
function ipv6Bits(text: string): bigint | undefined {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const ipv4 = tail ? ipv4Bits(tail[2] ?? "") : 0n;
  if (ipv4 === undefined) return undefined;
  const plain = tail ? `${tail[1]}${(ipv4 >> 16n).toString(16)}:${(ipv4 & 0xffffn).toString(16)}` : text;
  const halves = plain.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const [head = [], rest] = halves;
  const groups = rest ? [...head, ...zeros(8 - head.length - rest.length), ...rest] : head;
  const given = head.length + (rest?.length ?? 0);
  const isWhole = rest ? halves.length === 2 && given < 8 : given === 8;
  if (!isWhole || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function zeros(count: number): readonly string[] {
  return Array.from({ length: Math.max(count, 0) }, () => "0");
}
