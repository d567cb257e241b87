import { Tokenizer } from "@huggingface/tokenizers";
import { excerpt, InputError, shown } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import type { ChatTemplate } from "./chat-template.js";
import { chatTemplateOf } from "./chat-template-file.js";
import { type LibraryNormalizer, mendedNormalizer } from "./normalizer.js";
import { tokenContent } from "./special-tokens.js";
import { addedTokens, readTemplate, type TemplatePart } from "./template.js";
import { givesTokenTypes, withTokenizerConfig } from "./tokenizer-config.js";
import { truncateLongestFirst } from "./truncation.js";
import { requireVocabulary } from "./vocabulary.js";
import { type LibraryPreTokenizer, mendWhiteSpace } from "./white-space.js";

/** The tokens of a text or pair; the three arrays have one entry per token. */
export interface EncodedText {
  readonly ids: Int32Array;
  /** Token types (0, or 1 for a second text where the model tells them apart). */
  readonly typeIds: Int32Array;
  /** 1 on the special tokens that surround the texts, else 0. */
  readonly specialMask: Uint8Array;
  /** Whether tokens were cut off to keep to the maximum length. */
  readonly wasTruncated: boolean;
}

/** The tokens of a sentence that came as words. */
export interface EncodedWords extends EncodedText {
  /** Where each word's first token is; -1 for a word that has none, or whose first one was cut off. */
  readonly wordStarts: Int32Array;
}

export interface TextTokenizer {
  /**
   * Tokens of a text, or a pair of texts, with special tokens as the model expects them, cut longest-first to at most
   * `maxLength` tokens in total (special ones included, which are never cut), on the side that the configuration says.
   */
  encode(text: string, textPair: string | undefined, maxLength: number): EncodedText;
  /**
   * Tokens of words, each for itself as at the beginning of a text, with special tokens around them, cut to
   * `maxLength` tokens: what Hugging Face's fast tokenizers do with `is_split_into_words` (and byte-level ones with
   * `add_prefix_space`, without which they refuse it).
   */
  encodeWords(words: readonly string[], maxLength: number): EncodedWords;
  /**
   * Tokens of a text that has its special tokens itself, as what a chat template writes: none are added and none cut off.
   */
  encodeBare(text: string): number[];
  /**
   * The text of tokens. Ids that the vocabulary lacks are left out, as a model's table may have more rows than there are tokens;
   * so are special tokens, if asked. Spaces stay as they are: none is taken away before punctuation.
   */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Whether an id is of a special token, which is no part of a text. */
  isSpecial(id: number): boolean;
  /**
   * How the model's conversations are written.
   * @throws InputError where its files say nothing of that
   */
  chatTemplate(): ChatTemplate;
  /** The id of the token that ends what a model writes, where there is one. */
  readonly endId: number | undefined;
  /** The id that fills up batches: the padding token's, else the end token's, else 0 (padding is masked anyway). */
  readonly padId: number;
  /** The mask token's id, where there is one. */
  readonly maskId: number | undefined;
  /** The largest id + 1: the rows that an embedding needs at least. */
  readonly vocabularySize: number;
  /** The longest input the tokenizer's files allow, where they state one. */
  readonly maximumLength: number | undefined;
  /** Paths of the tokenizer's files, to be copied beside a model. */
  readonly files: readonly string[];
}

/** The JSON contents of a tokenizer's files. */
export interface TokenizerFiles {
  /** What messages call tokenizer.json. */
  readonly file: string;
  /** What messages call tokenizer_config.json. */
  readonly configFile: string;
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly specialTokens: Readonly<Record<string, unknown>>;
  /** `model_type` of config.json, where that lies beside them. */
  readonly modelType?: unknown;
  /** chat_template.jinja and what messages call it, where there is one. */
  readonly chatTemplate?: { readonly file: string; readonly source: string } | undefined;
  readonly paths: readonly string[];
}

/** The part of the library's tokenizer that is used; its own types do not resolve under Node's module rules. */
interface LibraryTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[]; tokens: string[] };
  normalizer: LibraryNormalizer | null;
  readonly pre_tokenizer: LibraryPreTokenizer | null;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  decode(ids: readonly number[], options: { clean_up_tokenization_spaces: boolean }): string;
  get_vocab(): Map<string, number>;
}

/** Builds a tokenizer from the contents of its files. Throws InputError for one that cannot be used. */
export function createTextTokenizer(files: TokenizerFiles): TextTokenizer {
  const { file, config, specialTokens } = files;
  requireVocabulary(files.tokenizer, file);
  const json = withTokenizerConfig(files.tokenizer, { ...specialTokens, ...config }, files.configFile, files.modelType);
  const template = templateOf(json, config, file);
  const library = createLibraryTokenizer({ ...files, tokenizer: json });
  const keepsEnd = truncationSide(json, config, files.configFile) === "left";
  /** The first tokens of a text, or the last where texts are cut on the left. */
  const cut = (ids: readonly number[], length: number) =>
    keepsEnd ? ids.slice(ids.length - length) : ids.slice(0, length);
  const vocabulary = [...library.get_vocab().values()];
  if (vocabulary.length === 0) throw new InputError(`${file} has an empty vocabulary.`);
  // As in transformers: the older file counts where the newer one does not describe its tokens.
  const tokens = "added_tokens_decoder" in config ? { ...specialTokens, ...config } : { ...config, ...specialTokens };
  const tokenId = (kind: string): number | undefined => {
    const content = tokenContent(tokens[kind]);
    return content === undefined ? undefined : library.token_to_id(content);
  };

  /** Ids of a bare text, without special tokens around it. */
  function idsOf(text: string): number[] {
    const { ids, tokens } = library.encode(text, { add_special_tokens: false });
    return ids.map((id, place) => {
      if (id !== undefined) return id;
      throw new InputError(
        `${file}: "${excerpt(tokens[place] ?? text)}" is not in the vocabulary, which has no token for unknown text.`,
      );
    });
  }

  function encode(text: string, textPair: string | undefined, maxLength: number): EncodedText {
    const parts = textPair === undefined ? template.single : template.pair;
    const room = roomFor(parts, maxLength);
    const first = idsOf(text);
    const second = textPair === undefined ? [] : idsOf(textPair);
    const kept = truncateLongestFirst(first.length, second.length, room, maxLength);
    const wasTruncated = kept.first + kept.second < first.length + second.length;
    return { ...assemble(parts, cut(first, kept.first), cut(second, kept.second)), wasTruncated };
  }

  const wordPrefix = isByteLevel(json.pre_tokenizer) ? " " : "";

  function encodeWords(words: readonly string[], maxLength: number): EncodedWords {
    const parts = template.single;
    const room = roomFor(parts, maxLength);
    const before = addedTokens(
      parts.slice(
        0,
        Math.max(
          0,
          parts.findIndex(({ kind }) => kind === "text"),
        ),
      ),
    );
    const ids: number[] = [];
    const starts = words.map((word) => {
      const own = idsOf(word.startsWith(" ") ? word : wordPrefix + word);
      const start = ids.length;
      for (const id of own) ids.push(id);
      return own.length > 0 ? start : -1;
    });
    const kept = Math.min(room, ids.length);
    const first = keepsEnd ? ids.length - kept : 0;
    const isKept = (start: number) => start >= first && start < first + kept;
    const wordStarts = Int32Array.from(starts, (start) => (isKept(start) ? before + start - first : -1));
    return { ...assemble(parts, cut(ids, kept), []), wordStarts, wasTruncated: ids.length > room };
  }

  const specialIds = new Set(
    (Array.isArray(json.added_tokens) ? json.added_tokens : []).flatMap((token: unknown) =>
      isObject(token) && token.special === true && typeof token.id === "number" ? [token.id] : [],
    ),
  );

  function decode(
    ids: readonly number[],
    { skipSpecialTokens = false }: { readonly skipSpecialTokens?: boolean } = {},
  ): string {
    const known = ids.filter(
      (id) => library.id_to_token(id) !== undefined && !(skipSpecialTokens && specialIds.has(id)),
    );
    return known.length === 0 ? "" : library.decode(known, { clean_up_tokenization_spaces: false });
  }

  const modelMaximum = config.model_max_length;
  return {
    encode,
    encodeWords,
    encodeBare: idsOf,
    decode,
    isSpecial: (id) => specialIds.has(id),
    chatTemplate: () => chatTemplateOf({ ...files, specialTokens: tokens, templateFile: files.chatTemplate }),
    endId: tokenId("eos_token"),
    padId: tokenId("pad_token") ?? tokenId("eos_token") ?? 0,
    maskId: tokenId("mask_token"),
    vocabularySize: vocabulary.reduce((largest, id) => Math.max(largest, id), 0) + 1,
    maximumLength: typeof modelMaximum === "number" && modelMaximum < 2 ** 31 ? modelMaximum : undefined,
    files: files.paths,
  };
}

/** The library's tokenizer without its post-processor: special tokens are placed here, around the truncated texts. */
function createLibraryTokenizer({ file, tokenizer, config }: TokenizerFiles): LibraryTokenizer {
  const { model } = tokenizer;
  if (typeof model !== "object" || model === null) {
    throw new InputError(
      `${file} has no object "model", so it is not a tokenizer of Hugging Face's tokenizers library.`,
    );
  }
  try {
    const optional = { normalizer: null, pre_tokenizer: null, decoder: null, added_tokens: [] };
    // Fields by which the library changes texts, and transformers' fast tokenizers do not.
    const silent = { remove_space: false, do_lowercase_and_remove_accent: false };
    const library: LibraryTokenizer = new Tokenizer(
      { ...optional, ...tokenizer, post_processor: null },
      { ...config, ...silent },
    );
    library.normalizer = mendedNormalizer(tokenizer.normalizer, library.normalizer, file);
    mendWhiteSpace(tokenizer.pre_tokenizer, library.pre_tokenizer);
    return library;
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file} cannot be used as a tokenizer: ${faultOf(error)}.`);
  }
}

/** The library's message; it puts values in as JavaScript spells them. */
function faultOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\[object (\w+)\]/g, "$1").replace(/\bundefined\b/g, "missing");
}

/** How special tokens surround texts; the token types are 0 where the model is not to be given any. */
function templateOf(tokenizer: TokenizerFiles["tokenizer"], config: TokenizerFiles["config"], file: string) {
  const template = readTemplate(tokenizer.post_processor, file);
  if (givesTokenTypes(config)) return template;
  const untyped = (parts: readonly TemplatePart[]) => parts.map((part) => ({ ...part, typeId: 0 }));
  return { single: untyped(template.single), pair: untyped(template.pair) };
}

/** The side on which long texts are cut: the configuration's, else that of tokenizer.json, else the right one. */
function truncationSide(
  { truncation }: TokenizerFiles["tokenizer"],
  { truncation_side: given }: TokenizerFiles["config"],
  configFile: string,
): "left" | "right" {
  const own = isObject(truncation) ? truncation.direction : undefined;
  const side = given ?? (typeof own === "string" ? own.toLowerCase() : (own ?? "right"));
  if (side === "left" || side === "right") return side;
  throw new InputError(`${configFile}: truncation_side is ${shown(side)}, expected "left" or "right"`);
}

/** How many tokens of texts go between special tokens. */
function roomFor(parts: readonly TemplatePart[], maxLength: number): number {
  const added = addedTokens(parts);
  if (maxLength > added) return maxLength - added;
  throw new InputError(`The maximum length is ${maxLength} tokens, expected more than the ${added} special tokens.`);
}

/** Whether spaces are tokens' parts, so that a word reads otherwise at the beginning of a text than after a space. */
function isByteLevel(preTokenizer: unknown): boolean {
  if (typeof preTokenizer !== "object" || preTokenizer === null) return false;
  if ("type" in preTokenizer && preTokenizer.type === "ByteLevel") return true;
  return (
    "pretokenizers" in preTokenizer &&
    Array.isArray(preTokenizer.pretokenizers) &&
    preTokenizer.pretokenizers.some(isByteLevel)
  );
}

function assemble(
  parts: readonly TemplatePart[],
  first: readonly number[],
  second: readonly number[],
): Omit<EncodedText, "wasTruncated"> {
  const ids: number[] = [];
  const typeIds: number[] = [];
  const specialMask: number[] = [];
  for (const part of parts) {
    const isSpecial = part.kind === "special";
    for (const id of isSpecial ? part.ids : part.text === "A" ? first : second) {
      ids.push(id);
      typeIds.push(part.typeId);
      specialMask.push(isSpecial ? 1 : 0);
    }
  }
  return { ids: Int32Array.from(ids), typeIds: Int32Array.from(typeIds), specialMask: Uint8Array.from(specialMask) };
}
