/** Text as two readers would call it the same: case, width, hidden characters and the kind of white space do not count. */
import { withoutInvisible } from "../core/invisible.ts";

export interface Folded {
  readonly text: string;
  /** For each unit of `text`, where in the original it comes from; one more for the end. */
  readonly at: Uint32Array;
}

/** Many originals have one folded text; each unit of it knows its origin. */
export function fold(original: string): Folded {
  const units: string[] = [];
  const places: number[] = [];
  let inSpace = false;
  for (let i = 0; i < original.length;) {
    const code = original.codePointAt(i) ?? 0;
    const width = code > 0xffff ? 2 : 1;
    if (code <= 0x20 || code === 0xa0) {
      if (!inSpace) push(units, places, " ", i);
      inSpace = true;
    } else {
      const folded = code < 0x80 ? lower(code) : foldWide(original.slice(i, i + width));
      if (folded !== "") inSpace = false;
      for (const unit of folded) push(units, places, unit, i);
    }
    i += width;
  }
  places.push(original.length);
  return { text: units.join(""), at: Uint32Array.from(places) };
}

function push(units: string[], places: number[], unit: string, place: number): void {
  units.push(unit);
  for (let n = 0; n < unit.length; n++) places.push(place);
}

const ascii = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code).toLowerCase());

function lower(code: number): string {
  return ascii[code] ?? "";
}

function foldWide(character: string): string {
  return withoutInvisible(character).normalize("NFKC").toLowerCase();
}
