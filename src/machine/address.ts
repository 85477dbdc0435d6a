/** Socket addresses as the kernel's tables write them: hexadecimal, in 32-bit words of the machine's (little-endian) order. */

/** `0100007F` as `127.0.0.1`, 32 digits as an RFC 5952 text. Undefined when it is neither. */
export function parseTableAddress(hex: string): string | undefined {
  const bytes = hexBytes(hex);
  if (!bytes || (bytes.length !== 4 && bytes.length !== 16)) return undefined;
  const ordered: number[] = [];
  for (let word = 0; word < bytes.length; word += 4) ordered.push(...bytes.slice(word, word + 4).reverse());
  return formatAddress(ordered);
}

/** 32 digits in network order, as if_inet6 and ipv6_route have them. */
export function parseNetworkAddress(hex: string): string | undefined {
  const bytes = hexBytes(hex);
  return bytes?.length === 16 ? formatAddress(bytes) : undefined;
}

/** `address:port` of a socket table. */
export function parseEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  const [hex = "", port = ""] = text.split(":");
  const address = parseTableAddress(hex);
  return address !== undefined && /^[0-9A-Fa-f]{4}$/.test(port)
    ? { address, port: Number.parseInt(port, 16) }
    : undefined;
}

/** Dotted for 4 bytes; for 16 lowercase, the longest run of two or more zero groups cut, mapped IPv4 dotted (RFC 5952). */
export function formatAddress(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) {
    return `::ffff:${bytes.slice(12).join(".")}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0));
  const { at, length } = longestZeroRun(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return length < 2 ? hex(groups) : `${hex(groups.slice(0, at))}::${hex(groups.slice(at + length))}`;
}

function longestZeroRun(groups: readonly number[]): { readonly at: number; readonly length: number } {
  let best = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  return best;
}

function hexBytes(hex: string): readonly number[] | undefined {
  if (!/^(?:[0-9A-Fa-f]{2})+$/.test(hex)) return undefined;
  return Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16));
}
