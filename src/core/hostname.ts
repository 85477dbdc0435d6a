/** Host names as policy and configuration write them: lower case, in canonical form, never a pattern wider than one site. */

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A DNS name (RFC 1123 section 2.1) in lower case without a final dot, a dotted-quad IPv4 or a bracketed IPv6 address. */
export function isHostname(text: string): boolean {
  if (text.startsWith("[")) return isIpv6(text);
  const labels = text.split(".");
  // A last label of digits makes resolvers read the whole as an address, in forms such as 2130706433 or 0x7f.1.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return isIpv4(labels);
  return text.length <= 253 && labels.every((each) => label.test(each));
}

/** Whether `text` is an address as `isHostname` takes it: dotted IPv4, or IPv6 in brackets. */
export function isAddressLiteral(text: string): boolean {
  return isHostname(text) && (text.startsWith("[") || /\.\d+$/.test(text));
}

/** `HOST:PORT`, the host in its one spelling. */
export function isPlace(text: string): boolean {
  const [, host = "", port = ""] = /^(.+):([1-9]\d{0,4})$/.exec(text) ?? [];
  return isHostname(host) && Number(port) <= 65_535;
}

/** Why `*.suffix` admits hosts of many owners, or undefined when the suffix may belong to one. */
export function broadSuffix(suffix: string): string | undefined {
  const labels = suffix.split(".");
  if (labels.length < 2) return `every host under .${suffix}`;
  const [second, top] = labels.slice(-2);
  const isRegistry = labels.length === 2 && top?.length === 2 && registries.has(second ?? "");
  return isRegistry ? `every host under .${suffix}` : undefined;
}

/** Second labels under which country domains sell names, as in co.uk. */
const registries: ReadonlySet<string> = new Set([
  "ac",
  "co",
  "com",
  "edu",
  "gob",
  "gov",
  "go",
  "ne",
  "net",
  "or",
  "org",
]);

function isIpv4(labels: readonly string[]): boolean {
  return labels.length === 4 && labels.every((each) => /^(?:0|[1-9]\d{0,2})$/.test(each) && Number(each) <= 255);
}

/** Only the form of RFC 5952, so that one address has one spelling. */
function isIpv6(text: string): boolean {
  return URL.canParse(`http://${text}/`) && new URL(`http://${text}/`).hostname === text;
}
