/** Rows as aligned columns. On a terminal they keep within its width: columns that do not fit go, aligned, to a line below. */
import type { Paint } from "../../../src/define/command.ts";
import { fold } from "./fold.ts";

/** Cells between two columns, and before the columns that go below. */
const gap = 2;
/** The last column is prose: it is folded rather than sent below while it has this many cells. */
const narrowest = 24;

type Row = readonly string[];

/** Widths are terminal cells; the last column is not padded. `none` stands for no rows. */
export function columns(rows: readonly Row[], head: Row, paint: Paint, none = "none"): string {
  if (rows.length === 0) return none;
  const widths = head.map((title, i) => Math.max(...[title, ...rows.map((row) => row[i] ?? "")].map(cellsOf)));
  const layout = layoutOf(widths, paint.width ?? Number.POSITIVE_INFINITY);
  const textOf = (row: Row): readonly string[] => linesOf(row, widths, layout, paint.width);
  return [...textOf(head).map((line) => paint.faint(line)), ...rows.flatMap(textOf)].join("\n");
}

/** The columns by line: as many on each as fit. */
function layoutOf(widths: readonly number[], width: number): readonly (readonly number[])[] {
  const layout: number[][] = [];
  let used = 0;
  widths.forEach((own, i) => {
    const least = i === widths.length - 1 ? Math.min(own, narrowest) : own;
    const line = layout.at(-1);
    if (line && used + gap + least <= width) {
      line.push(i);
      used += gap + least;
    } else {
      used = least + (layout.length ? gap : 0);
      layout.push([i]);
    }
  });
  return layout;
}

function linesOf(
  row: Row,
  widths: readonly number[],
  layout: readonly (readonly number[])[],
  width: number | undefined,
): readonly string[] {
  const lines = layout.flatMap((line, below) => {
    const margin = " ".repeat(below ? gap : 0);
    const last = line.at(-1) ?? 0;
    const before = line.slice(0, -1).map((i) => padded(row[i] ?? "", (widths[i] ?? 0) + gap));
    const start = `${margin}${before.join("")}`;
    const cell = row[last] ?? "";
    const isProse = width !== undefined && last === widths.length - 1;
    const parts = isProse ? fold(cell, width - cellsOf(start)) : [cell];
    return parts.map((part, i) => `${i ? " ".repeat(cellsOf(start)) : start}${part}`.trimEnd());
  });
  // A line below without anything in it says nothing.
  return lines.filter((line, i) => i === 0 || line !== "");
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - cellsOf(cell)));
}

function cellsOf(text: string): number {
  return Bun.stringWidth(text);
}
