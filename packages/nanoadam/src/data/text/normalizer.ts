/** The normalizers of tokenizer.json: the library's, but for those in which it differs from Hugging Face's tokenizers. */
import { isObject } from "../../files/json-value.js";
import { bertNormalizer, lowerCase } from "./bert-normalizer.js";
import { precompiledNormalizer } from "./precompiled-normalizer.js";

/** A normalizer of the library; one that is a sequence has its parts. */
export interface LibraryNormalizer {
  (text: string): string;
  readonly normalizers?: readonly (LibraryNormalizer | null)[];
}

/**
 * @param config the normalizer of tokenizer.json
 * @param library what the library makes of it
 * @param file what messages call tokenizer.json
 */
export function mendedNormalizer(
  config: unknown,
  library: LibraryNormalizer | null,
  file: string,
): ((text: string) => string) | null {
  if (!isObject(config)) return library;
  switch (config.type) {
    case "BertNormalizer":
      return bertNormalizer(config);
    case "Lowercase":
      return lowerCase;
    case "Precompiled": {
      const { precompiled_charsmap: charsmap } = config;
      return typeof charsmap === "string" ? precompiledNormalizer(charsmap, file) : null;
    }
    case "Sequence": {
      const parts: readonly unknown[] = Array.isArray(config.normalizers) ? config.normalizers : [];
      const steps = parts.map((part, place) => mendedNormalizer(part, library?.normalizers?.[place] ?? null, file));
      return (text) => steps.reduce((current, step) => step?.(current) ?? current, text);
    }
    default:
      return library;
  }
}
