/** C2SP signed-note (c2sp.org/signed-note): text with signature lines, and the verifier keys that check them. */
import { Fault } from "../core/fault.ts";
import { byteLength, utf8 } from "../core/text.ts";
import { base64, fromBase64, sha256 } from "../crypto/hash.ts";

/** One who can check signatures of one key; `text` is the note's text with its final newline. */
export interface NoteVerifier {
  readonly name: string;
  readonly id: number;
  verify(text: string, signature: Uint8Array): boolean;
}

export interface NoteSigner {
  readonly name: string;
  readonly id: number;
  sign(text: string): Uint8Array;
}

interface NoteSignature {
  readonly name: string;
  readonly id: number;
  readonly signature: Uint8Array;
}

interface Note {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A public key as configured: the line `<name>+<hex id>+<base64(type || key)>` taken apart. */
export interface VerifierKey {
  readonly name: string;
  readonly id: number;
  readonly type: number;
  readonly public_key: Uint8Array;
}

const maxNoteBytes = 131_072;
const keyName = /^[^\s+\u0085]+$/u;

/** A signature line is one of the note's last lines; the text before the blank line may hold blank lines itself. */
export function parseNote(note: string): Note {
  if (byteLength(note) > maxNoteBytes) throw malformed(`it is larger than ${maxNoteBytes} bytes`);
  if (!note.isWellFormed() || holdsControl(note)) throw malformed("it holds a control character");
  const split = note.lastIndexOf("\n\n");
  if (split < 0) throw malformed("it has no blank line before its signatures");
  if (!note.endsWith("\n")) throw malformed("it does not end with a newline");
  const lines = note.slice(split + 2, -1).split("\n");
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

/**
 * The text of a note and the verifiers whose signatures it carries. Signatures of unknown keys are ignored, also when the
 * name or the id alone is known. Throws `invalid_argument` when it is no note, and `unauthenticated` when a signature of a
 * known key is wrong or there is none at all.
 */
export function verifyNote<V extends NoteVerifier>(
  note: string,
  verifiers: readonly V[],
): { text: string; signed: V[] } {
  const { text, signatures } = parseNote(note);
  const signed: V[] = [];
  for (const { name, id, signature } of signatures) {
    const verifier = verifiers.find((each) => each.name === name && each.id === id);
    if (verifier === undefined || signed.includes(verifier)) continue;
    if (!verifier.verify(text, signature)) throw unsigned(`the signature of ${name} does not verify`);
    signed.push(verifier);
  }
  if (signed.length === 0) throw unsigned("the note carries no signature of a trusted key");
  return { text, signed };
}

/** `text` ends with a newline. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  const lines = signers.map((signer) => {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(signer.id);
    return `— ${signer.name} ${base64(Buffer.concat([id, signer.sign(text)]))}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/** The first four bytes of SHA-256(name || newline || type || public key). */
export function keyId(name: string, type: number, public_key: Uint8Array): number {
  return Buffer.from(sha256(utf8(`${name}\n`), Uint8Array.of(type), public_key)).readUInt32BE();
}

export function formatVerifierKey(name: string, type: number, public_key: Uint8Array): string {
  const id = keyId(name, type, public_key).toString(16).padStart(8, "0");
  return `${name}+${id}+${base64(Buffer.concat([Uint8Array.of(type), public_key]))}`;
}

/** Throws `invalid_argument` when the line is not a verifier key or its id is not the hash of its key. */
export function parseVerifierKey(line: string): VerifierKey {
  const [, name = "", hex = "", encoded = ""] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/u.exec(line) ?? [];
  if (!keyName.test(name)) throw badKey(line);
  const bytes = decode(encoded);
  const type = bytes?.[0];
  if (bytes === undefined || type === undefined) throw badKey(line);
  const public_key = bytes.subarray(1);
  const id = Number.parseInt(hex, 16);
  if (keyId(name, type, public_key) !== id) throw badKey(line);
  return { name, id, type, public_key };
}

function parseSignature(line: string): NoteSignature {
  const [, name = "", encoded = ""] = /^— ([^ ]+) ([^ ]+)$/u.exec(line) ?? [];
  const bytes = decode(encoded);
  if (!keyName.test(name) || bytes === undefined || bytes.length < 5) throw malformed("a signature line is malformed");
  return { name, id: Buffer.from(bytes).readUInt32BE(), signature: bytes.subarray(4) };
}

/** Any ASCII control character but the newline. */
function holdsControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 && unit !== 0x0a) return true;
  }
  return false;
}

function decode(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}

function malformed(why: string): Fault {
  return new Fault("invalid_argument", `not a signed note: ${why}`);
}

function unsigned(why: string): Fault {
  return new Fault("unauthenticated", why, { hint: "compare the pinned key with the one the log was created with" });
}

function badKey(line: string): Fault {
  const shown = line.length > 60 ? `${line.slice(0, 60).toWellFormed()}...` : line;
  return new Fault("invalid_argument", `${JSON.stringify(shown)} is not a verifier key`, {
    hint: "a key line reads <name>+<8 hex digits>+<base64>",
  });
}
