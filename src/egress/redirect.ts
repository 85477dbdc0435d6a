/** Where a redirect leads, and with which method: RFC 9110 section 15.4, as browsers do it. */
import { Fault } from "../core/fault.ts";
import type { Answer } from "./answer.ts";
import { headerOf } from "./content.ts";
import { placeText, type Target } from "./host.ts";

export interface Step {
  /** Not parsed yet: it is a stranger's text. */
  readonly url: string;
  readonly method: string;
  readonly keepsBody: boolean;
}

/** Undefined for an answer that is none, or that leads nowhere. */
export function followed(from: Target, method: string, { status, headers }: Answer): Step | undefined {
  const location = headerOf(headers, "location");
  if (!location || ![301, 302, 303, 307, 308].includes(status)) return undefined;
  if (headers.filter(([name]) => name === "location").length > 1) {
    throw new Fault("unavailable", `${placeText(from)} redirects to two places at once`);
  }
  const becomesGet = status === 303 ? method !== "HEAD" : status < 303 && method === "POST";
  const url = joined(from, Buffer.from(location, "latin1").toString("utf8"));
  return { url, method: becomesGet ? "GET" : method, keepsBody: !becomesGet };
}

/** Put together as text, so that the one parser of addresses sees what was written. */
function joined(from: Target, location: string): string {
  const [written = ""] = location.split("#");
  if (/^[a-z][a-z0-9+.-]*:/i.test(written)) return written;
  if (written.startsWith("//")) return `${from.scheme}:${written}`;
  const origin = `${from.scheme}://${placeText(from)}`;
  if (written.startsWith("/")) return origin + written;
  if (written.startsWith("?")) return origin + from.path + written;
  return origin + from.path.slice(0, from.path.lastIndexOf("/") + 1) + written;
}
