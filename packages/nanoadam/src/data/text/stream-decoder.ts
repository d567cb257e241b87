/** Text of tokens that come one after another. */
import type { TextTokenizer } from "./tokenizer.js";

/** What ends the text of a character whose bytes are not all there. */
const incomplete = "\uFFFD";

/** Tokens of the text before that say how the first new one reads, its space for instance. */
const contextLength = 8;

/**
 * Turns tokens into pieces of text, as they come. A piece is what the text of all tokens has more than before; a character
 * is held back until its bytes are there, and special tokens have no text.
 */
export class StreamDecoder {
  readonly #tokenizer: Pick<TextTokenizer, "decode" | "isSpecial">;
  /** Tokens whose text was handed out, and those whose text was not. */
  #shown: number[];
  #pending: number[] = [];

  /** @param before tokens that the text goes on from */
  constructor(tokenizer: Pick<TextTokenizer, "decode" | "isSpecial">, before: readonly number[] = []) {
    this.#tokenizer = tokenizer;
    this.#shown = before.slice(-contextLength);
  }

  /** The text that a token adds; none while a character is incomplete. */
  push(id: number): string {
    if (this.#tokenizer.isSpecial(id)) return this.flush();
    this.#pending.push(id);
    const text = this.#text();
    return text.endsWith(incomplete) ? "" : this.#take(text);
  }

  /** The text that is held back, after the last token: characters that stay incomplete are U+FFFD. */
  flush(): string {
    return this.#pending.length === 0 ? "" : this.#take(this.#text());
  }

  #text(): string {
    const before = this.#tokenizer.decode(this.#shown);
    const all = this.#tokenizer.decode([...this.#shown, ...this.#pending]);
    return all.startsWith(before) ? all.slice(before.length) : this.#tokenizer.decode(this.#pending);
  }

  #take(text: string): string {
    if (text !== "") {
      this.#shown = [...this.#shown, ...this.#pending].slice(-contextLength);
      this.#pending = [];
    }
    return text;
  }
}
