/** A clause from which what has been understood is blanked, so that nothing is read twice; its length never changes. */
export class Blanking {
  #rest: string;

  constructor(text: string) {
    this.#rest = text;
  }

  get rest(): string {
    return this.#rest;
  }

  /**
   * All matches of a global pattern that are accepted; of each, the first group that took part is blanked and returned,
   * or the whole without groups.
   */
  take(pattern: RegExp, accepts: (found: string) => boolean = () => true): readonly string[] {
    return [...this.#rest.matchAll(pattern)]
      .filter((match) => accepts(textOf(match)))
      .map((match) => this.takeMatch(match));
  }

  /** Blanks the first group of a match that took part, or the whole without groups, and returns its text. */
  takeMatch(match: RegExpExecArray): string {
    const found = textOf(match);
    const start = match.index + match[0].lastIndexOf(found);
    this.blank(start, start + found.length);
    return found;
  }

  blank(start: number, end: number): void {
    this.#rest = this.#rest.slice(0, start) + " ".repeat(end - start) + this.#rest.slice(end);
  }
}

function textOf(match: RegExpExecArray): string {
  return match.slice(1).find((group) => group !== undefined) ?? match[0];
}
