/** The gate of a proxy over the road of a scratch home, with the parts loosened that belong to a wall left out. */
import type { Socket } from "node:net";
import { isJsonObject, parseJson } from "../core/canonical.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Permit } from "../egress/book.ts";
import { type ConnectRequest, parseConnect } from "../egress/connect-request.ts";
import { type Gate, readRequest } from "../egress/connection.ts";
import { gather } from "../egress/gather.ts";
import { type NamedPlaces, parseAuthority, type Place } from "../egress/host.ts";
import type { Bearer, Caveat, EgressRequest } from "../egress/token.ts";
import { looseResolver, loosePlace, LoosePlaces } from "./loose-places.ts";
import { recordWithout } from "./loose-request.ts";
import type { Road } from "./road.ts";
import type { Without } from "./without.ts";

type Book = Gate["book"];

const everything = 1_048_576;
const day_ms = 86_400_000;

export function gateWithout(without: Without, road: Road, clock: Clock, gate: Gate): Gate {
  const named = new LoosePlaces(gate.named, () => without.has("egress-grammar"));
  const { run: _, ...ofAnyRun } = gate;
  return {
    ...(without.has("egress-token") ? ofAnyRun : gate),
    named,
    book: bookWithout(without, clock, gate.book),
    resolve: looseResolver(road.names, named, () => without.has("egress-addresses")),
    decide: decideWithout(without, gate.decide),
    record: recordWithout(without, road, gate.record),
    read: readWithout(without),
    dial: road.dial,
  };
}

/** Without the wall of names nobody asks what passes; policy was left out, or not, by the engine's door. */
export function decideWithout(without: Without, decide: Gate["decide"]): Gate["decide"] {
  return async (question) => {
    const decision = await decide(question);
    return decision.allow && without.has("egress-server-name") ? { ...decision, plain: true } : decision;
  };
}

function bookWithout(without: Without, clock: Clock, book: Book): Book {
  const far = () => rfc3339(clock.now() + day_ms);
  const isTokenOut = without.has("egress-token");
  const verify = (token: string): Bearer => {
    try {
      return book.verify(token);
    } catch {
      // Whoever comes is given a token of the name and with the caveats he says; their times are the book's own affair.
      const { run, agent, caveats } = said(token);
      const lasting = caveats.map(({ expires_at: _, ...caveat }) => caveat);
      return {
        id: book.issue({ run, agent, expires_at: far() }).id,
        run,
        agent,
        caveats: [...lasting, { expires_at: far() }],
      };
    }
  };
  const admit = (bearer: Bearer, request: EgressRequest): Permit => {
    const { run, agent } = bearer;
    const isOpen = without.has("egress-caveats");
    const held = isOpen ? { ...bearer, caveats: [{ run, agent, expires_at: far() }] } : bearer;
    const permit = book.admit(held, request);
    return isTokenOut ? lasting(permit, held, clock) : permit;
  };
  return {
    verify: isTokenOut ? verify : (token) => book.verify(token),
    admit,
    issue: (grant) => book.issue(grant),
    revoke: (id) => book.revoke(id),
    revokeRun: (run) => book.revokeRun(run),
  };
}

/** A permit that only its caveats end. */
function lasting(permit: Permit, { caveats }: Bearer, clock: Clock): Permit {
  const isTimely = () => caveats.every(({ expires_at = "9" }) => rfc3339(clock.now()) < expires_at);
  return {
    ...permit,
    take: (direction, bytes) => {
      const refusal = permit.take(direction, bytes);
      return refusal === "token_over" && isTimely() ? undefined : refusal;
    },
  };
}

/** What a token says about itself, true or not. */
function said(token: string): Pick<Bearer, "run" | "agent" | "caveats"> {
  const [, , body = ""] = token.split(".");
  const caveats = listIn(Buffer.from(body, "base64url").toString("utf8"));
  const { run = "nobody", agent = "roamer" } = caveats[0] ?? {};
  return { run, agent, caveats };
}

function listIn(text: string): readonly Caveat[] {
  try {
    const list = parseJson(text);
    return Array.isArray(list) ? (list.filter(isJsonObject) as readonly Caveat[]) : [];
  } catch (thrown) {
    if (thrown instanceof Fault) return [];
    throw thrown;
  }
}

function readWithout(without: Without): typeof readRequest {
  const place = without.has("egress-grammar") ? placeOf : parseAuthority;
  const parse = without.has("egress-grammar") ? parseLoosePlace : parseConnect;
  return async (client, service) => {
    const isHeadOut = without.has("egress-head");
    const read = await (isHeadOut ? readLoosely(client, service, place) : readRequest(client, service, parse));
    if (!without.has("egress-token")) return read;
    return { ...read, credentials: { run: undefined, token: read.credentials?.token ?? "" } };
  };
}

/** The place in its own grammar where it has one, else as a careless reader takes it. */
function placeOf(authority: string, named: NamedPlaces): Place {
  try {
    return parseAuthority(authority, named);
  } catch {
    return loosePlace(authority);
  }
}

/** The true reader of heads, with a place put there that it knows. */
function parseLoosePlace(head: Uint8Array, named: NamedPlaces): ConnectRequest {
  const text = Buffer.from(head).toString("latin1");
  const [, target = ""] = /^CONNECT ([^ \t]*) /.exec(text) ?? [];
  const known = text.replace(/^CONNECT [^ \t]* /, "CONNECT known.example:443 ");
  const hosted = known.replace(`\r\nHost: ${target}\r\n`, "\r\nHost: known.example:443\r\n");
  return { ...parseConnect(Buffer.from(hosted, "latin1"), named), place: placeOf(target, named) };
}

/** Any line with a place in it, whatever comes before and after, however long it takes. */
async function readLoosely(
  client: Socket,
  { signal, named }: Parameters<typeof readRequest>[1],
  place: (authority: string, named: NamedPlaces) => Place,
): Promise<ConnectRequest> {
  const ended = (bytes: Buffer) => /^\s*([\s\S]*?)\r?\n\r?\n/.exec(bytes.toString("latin1"))?.[1];
  const { value } = await gather(client, ended, { max_bytes: everything, timeout_ms: 10_000, signal });
  const [, method = "", target = ""] = /^(\S+)\s+(\S+)/.exec(value) ?? [];
  const authority = method === "CONNECT" ? target : target.replace(/^[a-z]+:\/\/([^/]*).*$/, "$1");
  const [, basic] = /proxy-authorization\s*:\s*basic\s+(\S+)/i.exec(value) ?? [];
  const pair = Buffer.from(basic ?? "", "base64").toString("latin1");
  const at = pair.indexOf(":");
  const credentials = basic === undefined ? undefined : { run: pair.slice(0, at), token: pair.slice(at + 1) };
  return { place: place(authority, named), credentials };
}
