/** Names of directory entries as text: any bytes have one, and those that are not UTF-8 get one that no path can spell. */

/** Such a name has its bytes from 0x80 up as lone surrogates from here on, which UTF-8 cannot hold. */
const escape = 0xdc00;

export function decodeName(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  // The decoder puts U+FFFD for what is not UTF-8; a name may also hold that character itself.
  if (!text.includes("\uFFFD") || Buffer.from(text, "utf8").equals(bytes)) return text;
  return String.fromCharCode(...[...bytes].map((byte) => (byte < 0x80 ? byte : escape + byte)));
}

/** What the system call takes: text, or the bytes where no text stands for them. */
export function encodeName(name: string): string | Buffer {
  if (name.isWellFormed()) return name;
  // Only what lies around such a name in a path can hold characters of two bytes and more.
  const parts = [...name].map((each) => {
    const code = each.charCodeAt(0);
    return each.length === 1 && code >= escape + 0x80 && code <= escape + 0xff
      ? Buffer.from([code - escape])
      : Buffer.from(each, "utf8");
  });
  return Buffer.concat(parts);
}

/** A name or path for people: what cannot be seen, or is not text, as escapes. */
export function visibleName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (each) => {
    const code = each.codePointAt(0) ?? 0;
    const byte = code >= escape && code <= escape + 0xff ? code - escape : undefined;
    if (byte !== undefined || code < 0x80) return `\\x${(byte ?? code).toString(16).padStart(2, "0")}`;
    return `\\u{${code.toString(16)}}`;
  });
}
