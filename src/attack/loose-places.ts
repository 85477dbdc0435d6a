/** Places as a careless reader takes them: whatever a browser's parser makes of a text, and every address vetted by nobody. */
import { Fault } from "../core/fault.ts";
import { parseAuthority, type Place, type Target } from "../egress/host.ts";
import { openResolver, type Resolve } from "../egress/resolve.ts";
import type { NameServer } from "../egress/name-server.ts";

/** The place a browser would go to, by http where the scheme is none of the web. */
export function looseTarget(text: string): Target {
  const written = text.trim();
  const url = [written, `http:${written}`, `http://${written}`]
    .map((each) => URL.parse(each))
    .find((each) => each !== null && each.hostname !== "");
  if (!url) throw new Fault("invalid_argument", "nobody could read that as an address");
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = Number(url.port) || (scheme === "https" ? 443 : 80);
  const path = url.pathname.startsWith("/") ? url.pathname : "/";
  return { scheme, host: url.hostname.toLowerCase().replace(/\.$/, ""), port, path, query: url.search };
}

/** The same of a text without a scheme. */
export function loosePlace(authority: string): Place {
  const { host, port } = looseTarget(`https://${authority}`);
  return { host, port };
}

/** The operator's places, and with `isOpen` every place that is not a public name, as if they had been named too. */
export class LoosePlaces extends Set<string> {
  readonly #isOpen: () => boolean;

  constructor(named: Iterable<string>, isOpen: () => boolean) {
    super(named);
    this.#isOpen = isOpen;
  }

  override has(place: string): boolean {
    return super.has(place) || (this.#isOpen() && !isPublic(place));
  }
}

function isPublic(place: string): boolean {
  try {
    parseAuthority(place);
    return true;
  } catch {
    return false;
  }
}

/** The true resolver, and with `isOpen` one to which every address is a public one. */
export function looseResolver(names: NameServer, named: ReadonlySet<string>, isOpen: () => boolean): Resolve {
  const settings = { dns_servers: [names.address], named, timeout_ms: 2000 };
  const [vetted, unvetted] = [openResolver(settings), openResolver(settings, () => "public")];
  return (place: Place, signal) => (isOpen() ? unvetted : vetted)(place, signal);
}
