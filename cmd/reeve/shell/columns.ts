/** Rows as aligned columns. */
import type { Paint } from "../../../src/define/command.ts";

/** Cells are measured in terminal cells; the last column is not padded. `none` stands for no rows. */
export function columns(
  rows: readonly (readonly string[])[],
  head: readonly string[],
  paint: Paint,
  none = "none",
): string {
  if (rows.length === 0) return none;
  const widths = head.map((title, i) =>
    Math.max(...[title, ...rows.map((row) => row[i] ?? "")].map((cell) => Bun.stringWidth(cell))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - Bun.stringWidth(cell))))
      .join("  ")
      .trimEnd();
  return [paint.faint(line(head)), ...rows.map(line)].join("\n");
}
