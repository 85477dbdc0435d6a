/** The ways one secret can stand in text: as it is and in the encodings that tools, protocols and logs put around values. */
import { fromUtf8 } from "../core/text.ts";

export interface Form {
  readonly text: string;
  /** Whether the base64 digit before the text carries bits of the secret too. */
  readonly before: boolean;
  /** Whether the base64 digit behind the text carries bits of the secret too. */
  readonly after: boolean;
}

/** Shorter secrets stand in ordinary text by chance. */
const minSecretBytes = 4;

/** Every form of a value, each once; none for a value of fewer than 4 bytes. */
export function formsOf(value: Uint8Array): readonly Form[] {
  if (value.length < minSecretBytes) return [];
  const text = fromUtf8(value);
  const spelled = text === undefined ? binaryForms(value) : [...percentForms(value), ...textForms(text)];
  const literals = [...hexForms(value), ...spelled, ...wholeBase64(value)];
  const forms = [...literals.map((text) => ({ text, before: false, after: false })), ...alignedBase64(value)];
  const distinct = new Map(forms.map((form) => [`${form.text} ${form.before} ${form.after}`, form]));
  return [...distinct.values()];
}

/** Bytes that are no text are printed one character per byte, percent-encoded whole or in part, or not at all. */
function binaryForms(value: Uint8Array): readonly string[] {
  const [unreserved = new Set<number>()] = leftAlone;
  return [Buffer.from(value).toString("latin1"), encode(value, unreserved, true), encode(value, unreserved, false)];
}

// Predicates and tables instead of regular expressions: building one form must not cost a compiler its start.

/** The text itself with JSON's escapes, in the spellings of common writers, and escaped twice as in JSON within JSON. */
function textForms(plain: string): readonly string[] {
  const escaped = JSON.stringify(plain).slice(1, -1);
  const spellings = [
    plain,
    escaped,
    escaped.replaceAll("/", "\\/"),
    escapeUnits(escaped, isBeyondAscii, false),
    escapeUnits(escaped, isBeyondAscii, true),
    escapeUnits(escaped, (code) => isBeyondAscii(code) || isMarkup(code), false),
    escapeUnits(escaped, (code) => isMarkup(code) || code === 0x2028 || code === 0x2029, false),
    escapeUnits(escaped.replaceAll("/", "\\/"), isBeyondAscii, false),
    escapeUnits(plain, () => true, false),
  ];
  return [...new Set(spellings)].flatMap((spelling) => [spelling, JSON.stringify(spelling).slice(1, -1)]);
}

function isBeyondAscii(code: number): boolean {
  return code < 0x20 || code > 0x7e;
}

/** `<`, `>` and `&`. */
function isMarkup(code: number): boolean {
  return code === 0x3c || code === 0x3e || code === 0x26;
}

function escapeUnits(text: string, isEscaped: (code: number) => boolean, upper: boolean): string {
  let out = "";
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const digits = code.toString(16).padStart(4, "0");
    out += isEscaped(code) ? `\\u${upper ? digits.toUpperCase() : digits}` : text[at];
  }
  return out;
}

function hexForms(value: Uint8Array): readonly string[] {
  const lower = Buffer.from(value).toString("hex");
  return [lower, lower.toUpperCase()];
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** What encoders leave as it is: RFC 3986's unreserved, JavaScript's component, paths, whole URLs, HTML forms, forms before 2005. */
const leftAlone = ["._~-", "._~!'()*-", "._~/-", "._~!'()*;/?:@&=+$,#-", "*._-", "._-"].map(
  (marks) => new Set(Buffer.from(alphanumeric + marks, "latin1")),
);

/** Percent-encoded in the usual choices of what to encode, with both cases of digits, and with `+` for a space. */
function percentForms(value: Uint8Array): readonly string[] {
  const texts = [...leftAlone, new Set<number>()].flatMap((keep) => [
    encode(value, keep, false),
    encode(value, keep, true),
  ]);
  return texts.flatMap((text) => [text, text.replaceAll("%20", "+")]);
}

function encode(value: Uint8Array, keep: ReadonlySet<number>, upper: boolean): string {
  let out = "";
  for (const byte of value) {
    const digits = byte.toString(16).padStart(2, "0");
    out += keep.has(byte) ? String.fromCharCode(byte) : `%${upper ? digits.toUpperCase() : digits}`;
  }
  return out;
}

function wholeBase64(value: Uint8Array): readonly string[] {
  return alphabets(Buffer.from(value).toString("base64"));
}

/**
 * base64 of the value inside a longer message, RFC 4648 section 4: it may begin at the first, second or third byte of a
 * group. Kept are the digits that depend on the value alone; the mixed digits at the ends are marked.
 */
function alignedBase64(value: Uint8Array): readonly Form[] {
  return [0, 1, 2].flatMap((offset) => {
    const digits = Buffer.concat([Buffer.alloc(offset), value]).toString("base64");
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor(((offset + value.length) * 8) / 6);
    const after = ((offset + value.length) * 8) % 6 !== 0;
    return alphabets(digits.slice(first, last)).map((text) => ({ text, before: offset !== 0, after }));
  });
}

/** The standard alphabet and the URL-safe one, RFC 4648 section 5. */
function alphabets(digits: string): readonly string[] {
  const safe = digits.replaceAll("+", "-").replaceAll("/", "_");
  return safe === digits ? [digits] : [digits, safe];
}
