/** Words by others as they may stand in a line or within a limit: nothing invisible, nothing cut inside a character. */

// Controls end lines or rewrite them; format characters reorder text, or hide it from people but not from models.
const breaks = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
const invisible = /\p{Cf}+/gu;

/** One line, without control and format characters. */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(invisible, "").replace(breaks, " ").trim();
}

/** The longest beginning of at most `max` UTF-16 units that splits no surrogate pair. */
export function cutChars(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}
