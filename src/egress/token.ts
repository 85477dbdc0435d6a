/**
 * A capability token for the road out: an id, what it is held to, and a chain of HMAC-SHA-256 over both. Whoever bears one
 * can hold a copy of it to more, without a key, and nobody can take anything away again.
 */
import * as v from "valibot";
import { rfc3339 } from "../core/clock.ts";
import { canonicalize, parseCanonical } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { isId } from "../core/id.ts";
import { check, integer } from "../core/schema.ts";
import { fromUtf8, utf8 } from "../core/text.ts";
import { equalBytes } from "../crypto/hash.ts";
import { hmacSha256 } from "../crypto/kdf.ts";
import { coversHost, isHostPattern } from "./host.ts";

const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/, "must be a name or an id"));
const amount = v.exactOptional(integer(0, Number.MAX_SAFE_INTEGER));
const time = v.pipe(v.string(), v.check(isTime, "must be a time in UTC with milliseconds"));

const caveatSchema = v.strictObject({
  run: v.exactOptional(name),
  agent: v.exactOptional(name),
  /** Names, or `*.` and a name; an empty list covers none. */
  hosts: v.exactOptional(
    v.pipe(v.array(v.pipe(v.string(), v.check(isHostPattern, "must be a host"))), v.maxLength(64)),
  ),
  ports: v.exactOptional(v.pipe(v.array(integer(1, 65_535)), v.maxLength(64))),
  methods: v.exactOptional(v.pipe(v.array(v.pipe(v.string(), v.regex(/^[A-Z]{1,20}$/))), v.maxLength(16))),
  max_bytes_up: amount,
  max_bytes_down: amount,
  /** Over the life of the token. */
  max_connections: amount,
  expires_at: v.exactOptional(time),
});

/** What a token is held to; of several, all hold. */
export type Caveat = v.InferOutput<typeof caveatSchema>;

/** The first caveat of every token: whose it is and until when. */
export type Grant = Caveat & { readonly run: string; readonly agent: string; readonly expires_at: string };

/** A token whose chain was verified. */
export interface Bearer {
  readonly id: string;
  readonly run: string;
  readonly agent: string;
  readonly caveats: readonly Caveat[];
}

export interface EgressRequest {
  readonly host: string;
  readonly port: number;
  readonly method: string;
}

/** The least of each limit that any caveat names; null where none does. */
export interface Allowance {
  readonly max_bytes_up: number | null;
  readonly max_bytes_down: number | null;
  readonly max_connections: number | null;
  readonly expires_at: string;
}

const prefix = "reeve1";
const maxTokenChars = 8192;
const maxCaveats = 16;

/** Throws `invalid_argument` for a grant that is malformed. */
export function mintToken(key: Uint8Array, id: string, grant: Grant): string {
  const caveat = check(caveatSchema, grant, "the grant of a token");
  return write(id, [caveat], link(firstLink(key, id), caveat));
}

/** A copy of the token that is held to `caveat` as well. Throws `invalid_argument`, also for a text that is no token. */
export function narrowToken(token: string, caveat: Caveat): string {
  const { id, caveats, signature } = read(token);
  const next = check(caveatSchema, caveat, "the caveat of a token");
  const narrowed = write(id, [...caveats, next], link(signature, next));
  if (narrowed.length <= maxTokenChars && caveats.length < maxCaveats) return narrowed;
  throw new Fault("invalid_argument", "the token would be too long", { hint: "hold it to less in fewer steps" });
}

/** Throws `unauthenticated`, with the same words for whatever is wrong, unless `key` began the token's chain. */
export function verifyToken(key: Uint8Array, token: string): Bearer {
  const { id, caveats, signature } = readForeign(token);
  let expected = firstLink(key, id);
  for (const caveat of caveats) expected = link(expected, caveat);
  const { run, agent, expires_at } = caveats[0] ?? {};
  const isGood = equalBytes(expected, signature);
  if (!isGood || run === undefined || agent === undefined || expires_at === undefined) throw notGood();
  return { id, run, agent, caveats };
}

/** Why a caveat does not cover the request now, or undefined when all of them do. */
export function refusalOf({ run, agent, caveats }: Bearer, request: EgressRequest, now: string): string | undefined {
  for (const caveat of caveats) {
    if (caveat.expires_at !== undefined && caveat.expires_at <= now) return "the token's time is up";
    if (caveat.run !== undefined && caveat.run !== run) return "the token is for another run";
    if (caveat.agent !== undefined && caveat.agent !== agent) return "the token is for another agent";
    if (caveat.hosts?.some((pattern) => coversHost(pattern, request.host)) === false)
      return "the token does not cover the host";
    if (caveat.ports?.includes(request.port) === false) return "the token does not cover the port";
    if (caveat.methods?.includes(request.method) === false) return "the token does not cover the method";
  }
  return undefined;
}

export function allowanceOf({ caveats }: Bearer): Allowance {
  const least = (field: "max_bytes_up" | "max_bytes_down" | "max_connections") => {
    const named = caveats.flatMap((caveat) => caveat[field] ?? []);
    return named.length > 0 ? Math.min(...named) : null;
  };
  const [expires_at = ""] = caveats.flatMap((caveat) => caveat.expires_at ?? []).sort();
  return {
    max_bytes_up: least("max_bytes_up"),
    max_bytes_down: least("max_bytes_down"),
    max_connections: least("max_connections"),
    expires_at,
  };
}

interface Parts {
  readonly id: string;
  readonly caveats: readonly Caveat[];
  readonly signature: Uint8Array;
}

function firstLink(key: Uint8Array, id: string): Uint8Array {
  return hmacSha256(key, framed(utf8("reeve-egress/v1")), framed(utf8(id)));
}

/** The result is the key of the next link, so a caveat can be added by whoever holds it and removed by nobody. */
function link(before: Uint8Array, caveat: Caveat): Uint8Array {
  return hmacSha256(before, framed(utf8(canonicalize(caveat))));
}

/** Behind its length in 4 bytes, so that no two lists of parts have the same bytes. */
function framed(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + bytes.length);
  new DataView(out.buffer).setUint32(0, bytes.length);
  out.set(bytes, 4);
  return out;
}

function write(id: string, caveats: readonly Caveat[], signature: Uint8Array): string {
  return [prefix, id, base64url(utf8(canonicalize(caveats))), base64url(signature)].join(".");
}

function readForeign(token: string): Parts {
  try {
    return read(token);
  } catch (cause) {
    throw notGood(cause);
  }
}

function read(token: string): Parts {
  const [version, id = "", body = "", tag = "", ...rest] = token.length > maxTokenChars ? [] : token.split(".");
  const signature = fromBase64url(tag);
  if (version !== prefix || rest.length > 0 || !isId(id) || signature.length !== 32) {
    throw new Fault("invalid_argument", "the text is no egress token");
  }
  const listed = parseCanonical(fromUtf8(fromBase64url(body)) ?? "");
  const caveats = check(v.pipe(v.array(caveatSchema), v.maxLength(maxCaveats)), listed, "the caveats of a token");
  return { id, caveats, signature };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/** Throws `invalid_argument` unless it is exactly what `base64url` writes: one token has one text. */
function fromBase64url(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new Fault("invalid_argument", "text is not base64url");
  return new Uint8Array(bytes);
}

function isTime(text: string): boolean {
  const ms = Date.parse(text);
  return Number.isFinite(ms) && text.length === 24 && rfc3339(ms) === text;
}

function notGood(cause?: unknown): Fault {
  return new Fault("unauthenticated", "the egress token is not good", {
    hint: "use the token this run was given",
    cause,
  });
}
