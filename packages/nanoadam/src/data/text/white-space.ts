/**
 * White space in the patterns of the library's pre-tokenizers. JavaScript's `\s` has the byte order mark and lacks U+0085 (next
 * line, which old texts have in place of an ellipsis); Unicode and Hugging Face's tokenizers have it the other way round.
 */
import { isObject } from "../../files/json-value.js";

/** A pre-tokenizer of the library, as far as it is looked into. */
export interface LibraryPreTokenizer {
  pattern?: RegExp | null;
  readonly tokenizers?: readonly (LibraryPreTokenizer | null)[];
  pre_tokenize_text(text: string): string[];
}

/**
 * Has a pre-tokenizer go by Unicode's white space.
 * @param config of which the library has made it
 */
export function mendWhiteSpace(config: unknown, library: LibraryPreTokenizer | null): void {
  if (library === null || !isObject(config)) return;
  if (config.type === "WhitespaceSplit") library.pre_tokenize_text = (text) => text.match(/\P{White_Space}+/gu) ?? [];
  if (library.pattern instanceof RegExp) library.pattern = withUnicodeSpaces(library.pattern);
  const parts: readonly unknown[] = Array.isArray(config.pretokenizers) ? config.pretokenizers : [];
  for (const [place, part] of parts.entries()) mendWhiteSpace(part, library.tokenizers?.[place] ?? null);
}

function withUnicodeSpaces({ source, flags }: RegExp): RegExp {
  const spaces: Readonly<Record<string, string>> = { "\\s": "\\p{White_Space}", "\\S": "\\P{White_Space}" };
  return new RegExp(
    source.replace(/\\./gsu, (character) => spaces[character] ?? character),
    flags,
  );
}
