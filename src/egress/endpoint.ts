/** A request of an agent as policy is asked about it: `METHOD HOST:PORT/PATH`, made of the very parts that are sent. */
import { Fault } from "../core/fault.ts";
import { canonicalUrlPath } from "../core/url-path.ts";
import { type NamedPlaces, parseTarget, placeText, type Target } from "./host.ts";

/** The parts of a URL with the path in its one spelling. Throws as `parseTarget` does, and `invalid_argument` for other paths. */
export function requestTarget(url: string, named: NamedPlaces): Target {
  const target = parseTarget(url, named);
  const canonical = canonicalUrlPath(target.path);
  if ("path" in canonical) return { ...target, path: canonical.path };
  throw new Fault("invalid_argument", `the path of the address can be read in two ways: ${canonical.problem}`, {
    hint: "write the path plainly, without dots, doubled slashes and encoded separators",
  });
}

export function endpointText(method: string, target: Target): string {
  return `${method} ${placeText(target)}${target.path}`;
}
