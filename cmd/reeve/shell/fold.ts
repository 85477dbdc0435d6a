/** Text folded at its spaces, so that no line is wider than asked and no word is cut; a word wider than that stands alone. */

/** The lines; at least one. Widths are terminal cells. */
export function fold(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(" ")) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    if (line === undefined || Bun.stringWidth(longer) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line ?? ""];
}
