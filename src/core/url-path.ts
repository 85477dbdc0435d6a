/** The path of a URL in its one spelling, so that what policy compares is what a server is asked for. */

const largest = 2048;

/**
 * `path` with hexadecimal digits in capitals and unreserved characters written plainly (RFC 3986 section 6.2.2), or why no
 * canonical path is to be had from it. A dot is not decoded: whoever encodes one means to hide it.
 */
export function canonicalUrlPath(path: string): { readonly path: string } | { readonly problem: string } {
  const canonical = path.replaceAll(/%[0-9a-fA-F]{2}/g, (triple) => {
    const character = String.fromCharCode(Number.parseInt(triple.slice(1), 16));
    return /[A-Za-z0-9_~-]/.test(character) ? character : triple.toUpperCase();
  });
  const problem = urlPathProblem(canonical);
  return problem === undefined ? { path: canonical } : { problem };
}

/**
 * Why a path is not canonical, or undefined. Refused besides: what servers are known to read as another path, such as dot
 * segments, empty segments, encoded separators, encodings of encodings and characters that fold into separators.
 */
export function urlPathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "a path begins with /";
  if (path.length > largest) return `a path has at most ${largest} characters`;
  if (!/^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})*$/.test(path)) {
    return "a path holds letters, digits, -._~!$&'()*+,;=:@ and %XX in capitals, and no query";
  }
  for (const [triple] of path.matchAll(/%../g)) {
    const code = Number.parseInt(triple.slice(1), 16);
    if (code < 0x20 || code === 0x7f) return `a path holds no control characters, not as ${triple} either`;
    if (/[A-Za-z0-9\-._~/\\%;]/.test(String.fromCharCode(code))) return `${triple} hides what it stands for`;
  }
  const segments = path.slice(1).split("/");
  if (segments.slice(0, -1).includes("")) return "no segment of a path is empty";
  if (segments.some((segment) => /^\.\.?(?:;|$)/.test(segment))) return "a path holds no . and no ..";
  return foldingProblem(path);
}

/** Bytes that are no UTF-8 are how `..` was once written past a check; compatibility forms of separators still are. */
function foldingProblem(path: string): string | undefined {
  if (!path.includes("%")) return undefined;
  try {
    const beyond = decodeURIComponent(path).replaceAll(/\p{ASCII}/gu, "");
    if (/[./\\%;?#\p{Cc}]/u.test(beyond.normalize("NFKC")))
      return "a path holds no characters that fold into separators";
    return undefined;
  } catch {
    return "the %XX of a path are UTF-8";
  }
}
