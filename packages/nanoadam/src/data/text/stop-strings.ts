/** Texts that end an answer, in a text that comes piece by piece. */

/** Hands out a text up to the string that is the first to be there whole, and holds back what may be the beginning of one. */
export class StopStrings {
  readonly #strings: readonly string[];
  #held = "";
  #isFound = false;

  constructor(strings: readonly string[]) {
    this.#strings = strings.filter((each) => each !== "");
  }

  /** Whether one of the strings has come: then there is no more text. */
  get isFound(): boolean {
    return this.#isFound;
  }

  /** What of the text is known to stand before any of the strings. */
  push(piece: string): string {
    if (this.#isFound) return "";
    const text = this.#held + piece;
    const found = this.#strings
      .map((each) => ({ start: text.indexOf(each), end: text.indexOf(each) + each.length }))
      .filter(({ start }) => start >= 0)
      .sort((one, other) => one.end - other.end || one.start - other.start);
    if (found[0] !== undefined) {
      this.#isFound = true;
      this.#held = "";
      return text.slice(0, found[0].start);
    }
    const held = Math.max(0, ...this.#strings.map((each) => beginningAtEnd(text, each)));
    this.#held = text.slice(text.length - held);
    return text.slice(0, text.length - held);
  }

  /** What is held back, after the last piece. */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }
}

/** How many characters at the end of a text are the beginning of a string. */
function beginningAtEnd(text: string, string: string): number {
  for (let length = Math.min(text.length, string.length - 1); length > 0; length--) {
    if (text.endsWith(string.slice(0, length))) return length;
  }
  return 0;
}
