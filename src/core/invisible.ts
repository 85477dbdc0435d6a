/** Characters that people do not see and models read: hidden, reordering or without a shape of their own; made visible. */

// Format characters (direction, zero width, tags), controls of the upper half, fillers that look like nothing, and
// variation selectors where they stand in a row, which no writing needs and which can spell bytes.
const unseen = new RegExp(
  [
    String.raw`(?!\u200d)\p{Cf}`,
    String.raw`[\u0080-\u009f\u2028\u2029\u115f\u1160\u2800\u3164\uffa0]`,
    String.raw`\u034f|\u17b4|\u17b5|[\u180b-\u180f]|[\u{e0100}-\u{e01ef}]`,
    // A joiner anywhere but between two pictures.
    String.raw`(?<!\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})\u200d|\u200d(?!\p{Extended_Pictographic})`,
    String.raw`(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]`,
  ].join("|"),
  "gu",
);

/**
 * The text with each of them as `\uXXXX`, the escape that JSON has for it: text that is JSON says the same after it. The
 * joiner inside an emoji stays.
 */
export function showInvisible(text: string): { readonly text: string; readonly count: number } {
  let count = 0;
  const shown = text.replace(unseen, (found) => {
    count++;
    return escaped(found);
  });
  return { text: shown, count };
}

/** The text without any of them, for comparing what people would take for the same. */
export function withoutInvisible(text: string): string {
  return text.replace(unseen, "");
}

function escaped(found: string): string {
  let out = "";
  for (let at = 0; at < found.length; at++) out += `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return out;
}
