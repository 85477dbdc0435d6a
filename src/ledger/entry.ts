/**
 * One entry: the canonical JSON of `{v, log, seq, prev, ts, type, actor, run, payload | commit}`, at most 65,535 bytes.
 * The bytes are what is hashed and stored; a large or confidential payload is only committed to, and kept beside.
 */
import { canonicalize, isJsonObject, type Json } from "../core/canonical.ts";
import { Fault } from "../core/fault.ts";
import { fromUtf8, utf8 } from "../core/text.ts";
import { base64, equalBytes, sha256 } from "../crypto/hash.ts";
import { randomBytes } from "../crypto/random.ts";

export interface EntryDraft {
  /** Dotted lowercase words: `call.intent`. */
  readonly type: string;
  readonly actor: string;
  readonly run: string | null;
  readonly payload: Json;
  /** Keeps the payload out of the entry, so that it can be erased later, whatever its size. */
  readonly confidential?: boolean;
}

/** A draft checked and written as far as it can be before its place in the log is known. */
export interface PreparedDraft {
  readonly type: string;
  readonly actor: string;
  readonly run: string;
  readonly payload: string | undefined;
  readonly commit: string | undefined;
  readonly side: { readonly salt: Uint8Array; readonly body: Uint8Array } | undefined;
}

interface Place {
  readonly log: string;
  readonly seq: number;
  /** Base64 leaf hash of the entry before; that of 32 zero bytes for the first. */
  readonly prev: string;
  readonly ts: string;
}

export interface Entry extends Place {
  readonly type: string;
  readonly actor: string;
  readonly run: string | null;
  readonly payload: Json | undefined;
  /** Base64 SHA-256(salt || canonical payload) when the payload is kept beside. */
  readonly commit: string | undefined;
}

export const maxEntryBytes = 65_535;
const maxInlineBytes = 8192;
const maxPayloadBytes = 16_777_216;
const salt_bytes = 32;

const typeForm = /^[a-z][a-z0-9_.-]{0,63}$/;
const nameForm = /^\P{Cc}{1,256}$/u;
const timeForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const hashForm = /^[A-Za-z0-9+/]{43}=$/;

/** Throws `invalid_argument` for a draft that is not I-JSON, is misnamed, or has a payload above 16 MiB. */
export function prepareDraft(draft: EntryDraft): PreparedDraft {
  if (!typeForm.test(draft.type)) throw refused(`${JSON.stringify(draft.type)} is not an entry type`);
  if (!nameForm.test(draft.actor)) throw refused("its actor is empty, too long or holds a control character");
  if (draft.run !== null && !nameForm.test(draft.run))
    throw refused("its run id is empty, too long or holds a control character");
  const payload = canonicalize(draft.payload);
  const named = { type: draft.type, actor: canonicalize(draft.actor), run: canonicalize(draft.run) };
  // A UTF-16 unit is at most three bytes, so short text needs no measuring.
  const inline = payload.length * 3 <= maxInlineBytes || Buffer.byteLength(payload) <= maxInlineBytes;
  if (inline && !draft.confidential) return { ...named, payload, commit: undefined, side: undefined };
  const body = utf8(payload);
  if (body.length > maxPayloadBytes) throw refused(`its payload is larger than ${maxPayloadBytes} bytes`);
  const salt = randomBytes(salt_bytes);
  return { ...named, payload: undefined, commit: commitTo(salt, body), side: { salt, body } };
}

/** The bytes of an entry: RFC 8785 with the keys written in their sorted order. */
export function writeEntry(draft: PreparedDraft, place: Place): Uint8Array {
  const commit = draft.commit === undefined ? "" : `"commit":"${draft.commit}",`;
  const payload = draft.payload === undefined ? "" : `"payload":${draft.payload},`;
  return utf8(
    `{"actor":${draft.actor},${commit}"log":"${place.log}",${payload}"prev":"${place.prev}","run":${draft.run},` +
      `"seq":${place.seq},"ts":"${place.ts}","type":"${draft.type}","v":1}`,
  );
}

/**
 * The entry in stored bytes. With `canonical`, the bytes must be exactly what RFC 8785 gives for their value. The message
 * of the `data_loss` it throws says what is wrong with the bytes; the caller adds which entry it is.
 */
export function readEntry(bytes: Uint8Array, canonical: boolean): Entry {
  if (bytes.length > maxEntryBytes) throw broken(`it is larger than ${maxEntryBytes} bytes`);
  const text = fromUtf8(bytes);
  if (text === undefined) throw broken("it is not UTF-8");
  const value = parse(text);
  if (canonical && !isCanonical(value, text)) throw broken("it is not in canonical form");
  return checkFields(value);
}

/** Whether `body` is what the entry committed to. */
export function opensCommit(commit: string, salt: Uint8Array, body: Uint8Array): boolean {
  return salt.length === salt_bytes && equalBytes(utf8(commitTo(salt, body)), utf8(commit));
}

function commitTo(salt: Uint8Array, body: Uint8Array): string {
  return base64(sha256(salt, body));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw broken("it is not JSON", cause);
  }
}

/**
 * Whether `text` is the canonical form of the value parsed from it. The engine's own serializer writes RFC 8785 wherever
 * keys already stand in order, numbers are I-JSON and no lone surrogate hides in an escape; everything else, and so
 * everything that is refused, takes the long way.
 */
export function isCanonical(value: unknown, text: string): boolean {
  if (JSON.stringify(value) === text && !text.includes("\\ud") && isOrdered(value, 0)) return true;
  try {
    return canonicalize(value as Json) === text;
  } catch {
    // What has no canonical form is not in canonical form.
    return false;
  }
}

function isOrdered(value: unknown, depth: number): boolean {
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return true;
  if (depth > 100) return false;
  if (Array.isArray(value)) return value.every((item) => isOrdered(item, depth + 1));
  const object = value as Readonly<Record<string, unknown>>;
  let before: string | undefined;
  for (const key in object) {
    if (before !== undefined && before >= key) return false;
    before = key;
    if (!isOrdered(object[key], depth + 1)) return false;
  }
  return true;
}

/** Written out by hand: verification reads millions of these, and every field has one form. */
function checkFields(value: unknown): Entry {
  if (!isJsonObject(value)) throw broken("it is not an object");
  const { v, log, seq, prev, ts, type, actor, run, payload, commit } = value;
  if (v !== 1) throw broken("its format is not 1");
  if (typeof seq !== "number" || !Number.isSafeInteger(seq)) throw broken("its seq is not a number");
  if (typeof log !== "string") throw broken("it names no log");
  if (typeof prev !== "string" || !hashForm.test(prev)) throw broken("its prev is not a hash");
  if (typeof ts !== "string" || !timeForm.test(ts)) throw broken("its ts is not a time");
  if (typeof type !== "string" || !typeForm.test(type)) throw broken("its type is not an entry type");
  if (typeof actor !== "string" || !nameForm.test(actor)) throw broken("its actor is not a name");
  if (run !== null && (typeof run !== "string" || !nameForm.test(run))) throw broken("its run is not an id");
  if ((payload === undefined) === (commit === undefined)) throw broken("it has not exactly one of payload and commit");
  // All nine are there by now, so a tenth is one we do not know.
  if (Object.keys(value).length !== 9) throw broken("it has an unknown field");
  if (commit !== undefined && (typeof commit !== "string" || !hashForm.test(commit)))
    throw broken("its commit is not a hash");
  return { log, seq, prev, ts, type, actor, run, payload, commit };
}

function refused(why: string): Fault {
  return new Fault("invalid_argument", `the entry cannot be written: ${why}`);
}

function broken(why: string, cause?: unknown): Fault {
  return new Fault("data_loss", why, cause === undefined ? {} : { cause });
}
