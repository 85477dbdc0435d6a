/** Marks around text by others: what stands between two equal ones is data, and cannot end itself early. */
import { createHash } from "node:crypto";

const form = /^<<[0-9a-f]{20}>>$/;

/** The text between marks made of its own digest: the same for the same text, and no text can hold its own. */
export function fenced(text: string): string {
  const mark = `<<${createHash("sha256").update(text).digest("hex").slice(0, 20)}>>`;
  return `${mark}\n${text}\n${mark}`;
}

/** What stands between a second line and a last line that are the same mark; the whole text when there are none. */
export function unfenced(text: string): string {
  const [, mark, ...rest] = text.split("\n");
  if (mark === undefined || !form.test(mark) || rest.at(-1) !== mark) return text;
  return rest.slice(0, -1).join("\n");
}
