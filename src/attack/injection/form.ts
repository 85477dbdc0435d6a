/** The forms a text can be put into, so that nobody recognises it and whoever knows the form can read it. */

export interface Form {
  readonly id: string;
  readonly what: string;
  /** The text as it is sent, in one piece or several. */
  readonly encode: (text: string) => readonly string[];
}

const bytes = (text: string) => Buffer.from(text, "utf8");
const one =
  (encode: (text: string) => string): Form["encode"] =>
  (text) => [encode(text)];

export const plain: Form = { id: "plain", what: "as it is", encode: (text) => [text] };
const hex: Form = { id: "hex", what: "in hexadecimal", encode: one((text) => bytes(text).toString("hex")) };

/** Each of letters and digits alone, but for the invisible ones, so that all can stand in an address. */
export const forms: readonly Form[] = [
  plain,
  hex,
  { id: "base64", what: "in base64", encode: one((text) => bytes(text).toString("base64url")) },
  { id: "reversed", what: "backwards", encode: one((text) => [...text].reverse().join("")) },
  { id: "rot13", what: "with its letters moved", encode: one(rotated) },
  { id: "decimal", what: "in numbers", encode: one((text) => [...bytes(text)].join("-")) },
  { id: "split", what: "a few letters at a time", encode: (text) => text.match(/.{1,8}/g) ?? [] },
];

/** Between its letters stands what nobody sees. For what is written, not for addresses. */
export const unseen: Form = {
  id: "unseen",
  what: "between invisible characters",
  encode: one((text) => [...text].join("\u200b")),
};

function rotated(text: string): string {
  return text.replace(/[a-z]/g, (letter) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97));
}
