/**
 * Where the bytes of a text come from: the longest matches with what entered the run's context, also through the usual
 * encodings. It explains a question to the person who answers it; whether there is a question does not hang on it, since
 * a model can say the same in other words.
 */
import { byteLength } from "../core/text.ts";
import { unwrap, type Wrapping } from "./encodings.ts";
import { fold, type Folded } from "./fold.ts";
import type { Bits } from "./bits.ts";

export interface Origin extends Bits {
  /** `result of call-2 fs.read notes/private.md`, `the message`. */
  readonly label: string;
}

/** A part of a text, in bytes of its UTF-8. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly origin: Origin;
  /** What it was wrapped in; null where it stands as it is. */
  readonly wrapping: Wrapping | null;
}

/** Every common part of at least twice this, less one, holds a whole window of the context, so it is found. */
const window = 6;
/** Shorter matches are everyday words. */
export const minMatch = 12;
/** Places remembered for one window, for private texts and for others each, so that neither can crowd the other out. */
const maxPlaces = 4;
const maxTextChars = 262_144;
const maxIndexChars = 4_194_304;
/** Beyond this only the beginning of an argument is looked at. */
const maxTracedChars = 131_072;

interface Place {
  readonly text: number;
  readonly at: number;
}

interface Match {
  /** Units of the traced text. */
  readonly from: number;
  readonly to: number;
  readonly origin: Origin;
  readonly wrapping: Wrapping | null;
}

export class Provenance {
  readonly #texts: { readonly folded: string; readonly origin: Origin }[] = [];
  readonly #windows = new Map<number, { readonly secret: Place[]; readonly open: Place[] }>();
  #chars = 0;

  /** Adds one text of the context; what is beyond the bounds is not looked at. */
  add(origin: Origin, text: string): void {
    if (this.#chars >= maxIndexChars) return;
    const folded = fold(text.slice(0, maxTextChars)).text;
    this.#chars += folded.length;
    const number = this.#texts.push({ folded, origin }) - 1;
    for (let at = 0; at + window <= folded.length; at += window) this.#remember(folded, number, at, origin);
  }

  /** The parts of a text that came from somewhere, in order and apart; what is in none of them are the model's own words. */
  trace(text: string): readonly Piece[] {
    const looked = text.slice(0, maxTracedChars);
    const matches = [...this.#matches(fold(looked), null), ...this.#hosts(looked)];
    for (const { wrapping, text: inside, outer } of unwrap(looked)) {
      for (const match of this.#matches(fold(inside), wrapping)) {
        const [from, to] = outer(match.from, match.to);
        matches.push({ ...match, from, to });
      }
    }
    return piecesOf(looked, apart(matches));
  }

  #remember(folded: string, text: number, at: number, origin: Origin): void {
    const key = hashAt(folded, at);
    let places = this.#windows.get(key);
    if (!places) {
      places = { secret: [], open: [] };
      this.#windows.set(key, places);
    }
    const list = origin.private ? places.secret : places.open;
    if (list.length < maxPlaces) list.push({ text, at });
  }

  #matches({ text, at }: Folded, wrapping: Wrapping | null): readonly Match[] {
    const found: Match[] = [];
    let floor = 0;
    for (let i = 0; i + window <= text.length;) {
      const best = this.#longestAt(text, i, floor);
      if (!best) {
        i++;
        continue;
      }
      found.push({ from: at[best.from] ?? 0, to: at[best.to] ?? 0, origin: best.origin, wrapping });
      floor = best.to;
      i = best.to;
    }
    return found;
  }

  /** The longest match through the window at `i` that begins no earlier than `floor`; private ones win among equals. */
  #longestAt(text: string, i: number, floor: number) {
    const places = this.#windows.get(hashAt(text, i));
    if (!places) return undefined;
    let best: { readonly from: number; readonly to: number; readonly origin: Origin } | undefined;
    for (const place of [...places.secret, ...places.open]) {
      const known = this.#texts[place.text];
      if (!known?.folded.startsWith(text.slice(i, i + window), place.at)) continue;
      let [from, to] = [i, i + window];
      for (let back = place.at; from > floor && back > 0 && text[from - 1] === known.folded[back - 1]; back--) from--;
      for (let on = place.at + window; to < text.length && text[to] === known.folded[on]; on++) to++;
      if (to - from >= minMatch && (!best || to - from > best.to - best.from))
        best = { from, to, origin: known.origin };
    }
    return best;
  }

  /** Hosts are short and matter most: one that stands somewhere as a whole came from there. */
  #hosts(text: string): readonly Match[] {
    return [...text.matchAll(/(?<=^|\/\/|@)[A-Za-z0-9.-]{4,253}(?=[/:?#]|$)/g)].flatMap((match): readonly Match[] => {
      const host = match[0].toLowerCase();
      const holds = this.#texts.filter(({ folded }) => folded.includes(host));
      const origin = (holds.find((each) => each.origin.private) ?? holds[0])?.origin;
      return origin ? [{ from: match.index, to: match.index + host.length, origin, wrapping: null }] : [];
    });
  }
}

function hashAt(text: string, at: number): number {
  let hash = 0;
  for (let i = 0; i < window; i++) hash = (Math.imul(hash, 0x01000193) + text.charCodeAt(at + i)) | 0;
  return hash;
}

/** The matches that count most and do not overlap: private ones before others, then longer ones. */
function apart(matches: readonly Match[]): readonly Match[] {
  const ranked = matches.toSorted(
    (a, b) => Number(b.origin.private) - Number(a.origin.private) || b.to - b.from - (a.to - a.from) || a.from - b.from,
  );
  const kept: Match[] = [];
  for (const match of ranked.slice(0, maxPieces * 4)) {
    if (kept.length < maxPieces && kept.every((each) => match.to <= each.from || match.from >= each.to))
      kept.push(match);
  }
  return kept.toSorted((a, b) => a.from - b.from);
}

const maxPieces = 64;

function piecesOf(text: string, matches: readonly Match[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let [unit, byte] = [0, 0];
  const bytesUpTo = (to: number) => {
    byte += byteLength(text.slice(unit, to));
    unit = to;
    return byte;
  };
  for (const { from, to, origin, wrapping } of matches) {
    pieces.push({ from: bytesUpTo(from), to: bytesUpTo(to), origin, wrapping });
  }
  return pieces;
}
