/** Which places a model provider may be reached at: one origin, encrypted unless it is on this machine or a private network. */
import { Fault } from "../core/fault.ts";

const hint = "write an address such as https://api.example.com/v1, or http://127.0.0.1:11434 for a server of your own";

/**
 * The origin of a provider's address. Throws `invalid_argument` when it is not http or https, holds credentials, or
 * would send keys in the clear over public networks. The fault never repeats credentials.
 */
export function providerOrigin(base_url: string): URL {
  const url = URL.parse(base_url);
  if (!url) throw new Fault("invalid_argument", "the provider's address is not a URL", { hint });
  if (url.username !== "" || url.password !== "") {
    throw new Fault("invalid_argument", `the provider's address at ${url.host} holds credentials`, {
      hint: "keep the key in the vault instead: reeve secrets set provider/<name>/api_key",
    });
  }
  if (url.protocol === "https:" || (url.protocol === "http:" && isPrivateHost(url.hostname)))
    return new URL(url.origin);
  if (url.protocol === "http:") {
    throw new Fault("invalid_argument", `${url.host} is a public host and http is not encrypted`, {
      hint: "write https://; plain http is for this machine and private networks",
    });
  }
  throw new Fault("invalid_argument", `the provider's address begins with ${url.protocol}`, { hint });
}

/** `host:port`, the port also where it is the scheme's own. */
export function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`;
}

/**
 * Whether a host, as the URL parser writes it, is this machine or on a network without strangers: loopback, RFC 1918,
 * RFC 4193, the shared space of RFC 6598 that overlay networks use, and names that public DNS never answers. Link-local
 * addresses are none: clouds hand out credentials there.
 */
export function isPrivateHost(hostname: string): boolean {
  if (hostname.startsWith("[")) return isPrivateIpv6(hostname.slice(1, -1));
  const bytes = ipv4Bytes(hostname);
  if (bytes) return isPrivateIpv4(bytes);
  const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  const labels = name.split(".");
  if (labels.length === 1) return name !== "";
  return name.endsWith(".home.arpa") || privateSuffixes.has(labels.at(-1) ?? "");
}

/** RFC 6761, RFC 6762 and the name ICANN keeps for private use; the others were never delegated. */
const privateSuffixes: ReadonlySet<string> = new Set(["localhost", "local", "internal", "lan"]);

function ipv4Bytes(hostname: string): readonly number[] | undefined {
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname.split(".").map(Number) : undefined;
}

function isPrivateIpv4([first = 0, second = 0]: readonly number[]): boolean {
  if (first === 127 || first === 10) return true;
  if (first === 172) return second >= 16 && second <= 31;
  if (first === 192) return second === 168;
  return first === 100 && second >= 64 && second <= 127;
}

function isPrivateIpv6(address: string): boolean {
  if (address === "::1") return true;
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address);
  if (mapped) {
    const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
    return isPrivateIpv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
  }
  return /^f[cd][0-9a-f]{2}:/.test(address);
}
