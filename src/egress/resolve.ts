/** From a host to the addresses that may be dialled for it: asked once, all of them vetted, before anything is sent. */
import { lookup, Resolver } from "node:dns/promises";
import { Fault, systemErrorName } from "../core/fault.ts";
import { type AddressKind, addressFamily, addressKind, ownAddresses } from "./address.ts";
import { type NamedPlaces, type Place, placeText } from "./host.ts";

/** A place with the addresses that may be dialled for it now, in the order to try them. Good for one connection. */
export interface VettedPlace extends Place {
  readonly addresses: readonly string[];
}

export interface ResolverSettings {
  /** `ADDRESS` or `ADDRESS:PORT` of the name servers to ask; the system's resolver when empty. */
  readonly dns_servers: readonly string[];
  readonly named: NamedPlaces;
  readonly timeout_ms: number;
}

export type Resolve = (place: Place, signal?: AbortSignal) => Promise<VettedPlace>;

/** More than anyone needs; an answer that is longer is no answer. */
const maxAddresses = 64;

/**
 * A resolver of checked places (`parseTarget`, `parseAuthority`). One address that is not public refuses them all with
 * `permission_denied`, unless the operator named the place; by a name nobody gets to link-local or metadata addresses.
 * `unavailable` when there is no answer, `deadline_exceeded` when it takes too long; the signal's reason when aborted.
 * An answer is never kept: every connection and every redirect asks anew. `kindOf` says where an address lies.
 */
export function openResolver(settings: ResolverSettings, kindOf = addressKind): Resolve {
  return async (place, signal) => {
    signal?.throwIfAborted();
    const literal = place.host.startsWith("[") ? place.host.slice(1, -1) : place.host;
    const isLiteral = addressFamily(literal) !== undefined;
    const addresses = isLiteral ? [literal] : await addressesOf(place.host, settings, signal);
    const isNamed = settings.named.has(placeText(place));
    if (addresses.length === 0) throw unknown(place.host);
    if (addresses.length > maxAddresses) {
      throw new Fault("permission_denied", `${place.host} has more than ${maxAddresses} addresses`);
    }
    const own = ownAddresses();
    for (const address of addresses) {
      const kind = kindOf(address, own);
      if (kind !== "public" && !(isNamed && (isLiteral || kind === "private"))) throw notPublic(place, address, kind);
    }
    return { ...place, addresses: alternating(addresses) };
  };
}

async function addressesOf(host: string, settings: ResolverSettings, signal?: AbortSignal): Promise<readonly string[]> {
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
  const late = () => new Fault("deadline_exceeded", `the name service did not answer for ${host} in time`);
  const timer = setTimeout(() => stop(late()), settings.timeout_ms);
  const aborted = () => stop(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  const resolver = settings.dns_servers.length > 0 ? new Resolver() : undefined;
  try {
    resolver?.setServers(settings.dns_servers);
    return await Promise.race([resolver ? ask(resolver, host) : askSystem(host), stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
    resolver?.cancel();
  }
}

async function ask(resolver: Resolver, host: string): Promise<readonly string[]> {
  const answers = await Promise.all([
    resolver.resolve4(host).catch((thrown: unknown) => noAnswer(host, thrown)),
    resolver.resolve6(host).catch((thrown: unknown) => noAnswer(host, thrown)),
  ]);
  return [...new Set(answers.flat())];
}

async function askSystem(host: string): Promise<readonly string[]> {
  const answers = await lookup(host, { all: true }).catch((thrown: unknown) => noAnswer(host, thrown));
  return [...new Set(answers.map((answer) => (typeof answer === "string" ? answer : answer.address)))];
}

/** That a name has no address of one family is an answer; that nobody could say is none. */
function noAnswer(host: string, thrown: unknown): readonly string[] {
  const name = systemErrorName(thrown) ?? "";
  if (["ENODATA", "ENOTFOUND", "ENONAME", "EAI_NONAME", "EAI_NODATA"].includes(name)) return [];
  throw new Fault("unavailable", `the name service could not say where ${host} is${name ? ` (${name})` : ""}`, {
    hint: "check egress.dns_servers and the network",
    cause: thrown,
  });
}

function unknown(host: string): Fault {
  return new Fault("unavailable", `${host} is not known to the name service`, { hint: "check the name" });
}

function notPublic(place: Place, address: string, kind: AddressKind): Fault {
  const words = kind === "private" ? "to this machine or a private network" : "to no place of the public Internet";
  // The address stays out of the words: they reach the agent, to whom the inside of a network is none of its business.
  return new Fault("permission_denied", `${place.host} leads ${words}`, {
    hint:
      kind === "private"
        ? `the operator can add "${placeText(place)}" to egress.private_hosts`
        : "no name leads there; the operator can name the address itself in egress.private_hosts",
    data: { host: place.host, address },
  });
}

/** The families by turns, IPv6 first, so that a family that does not work here costs one attempt and not all of them. */
function alternating(addresses: readonly string[]): readonly string[] {
  const ipv6 = addresses.filter((address) => addressFamily(address) === 6);
  const ipv4 = addresses.filter((address) => addressFamily(address) !== 6);
  const turns = Array.from({ length: Math.max(ipv6.length, ipv4.length) }, (_, i) => [ipv6[i], ipv4[i]]);
  return turns.flat().filter((address) => address !== undefined);
}
