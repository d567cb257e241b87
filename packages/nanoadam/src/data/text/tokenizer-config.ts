/**
 * What `tokenizer_config.json` says of the tokens: transformers builds its tokenizers from that file and takes only the rest
 * from tokenizer.json, so that where the two disagree the first one wins. By the tokenizer's class, other fields count.
 */
import { InputError, shown } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import { specialTokenNames } from "./special-tokens.js";

type Json = Readonly<Record<string, unknown>>;

/** Classes that take everything from tokenizer.json. */
const generic: ReadonlySet<string> = new Set(["PreTrainedTokenizer", "TokenizersBackend", "PythonBackend"]);

/** Classes that give a model no token types unless told. */
const untyped: ReadonlySet<string> = new Set([
  "TokenizersBackend",
  "DistilBertTokenizer",
  "RobertaTokenizer",
  "XLMRobertaTokenizer",
  "CamembertTokenizer",
]);

/** Byte-level classes, whose texts do not begin with a space unless told. */
const byteLevel: ReadonlySet<string> = new Set([
  "RobertaTokenizer",
  "BartTokenizer",
  "LongformerTokenizer",
  "GPT2Tokenizer",
]);

/**
 * tokenizer.json as transformers takes it with this configuration.
 * @param file what messages call tokenizer_config.json
 * @param modelType of config.json, for which transformers may use another class than the one named
 * @throws InputError for a field that changes tokens in a way that is not known.
 */
export function withTokenizerConfig(tokenizer: Json, config: Json, file: string, modelType?: unknown): Json {
  if (config.split_special_tokens === true) throw refusal(config, file, "split_special_tokens", "false");
  const name = typeof config.tokenizer_class === "string" ? config.tokenizer_class.replace(/Fast$/, "") : undefined;
  const added = withAddedTokens(tokenizer, config);
  if (name !== undefined && generic.has(name)) return added;
  if (name === "LlamaTokenizer") return modelType === "mistral" ? added : withLlamaSpaces(added, config);
  return withPrefixSpace(withNormalizer(added, name, config, file), name, config);
}

/** Whether the model is given token types: what transformers calls `model_input_names`. */
export function givesTokenTypes({ model_input_names: inputs, tokenizer_class: name }: Json): boolean {
  if (Array.isArray(inputs)) return inputs.includes("token_type_ids");
  return typeof name !== "string" || !untyped.has(name.replace(/Fast$/, ""));
}

function refusal(config: Json, file: string, field: string, expected: string): InputError {
  return new InputError(`${file}: ${field} is ${shown(config[field])}, expected ${expected}`);
}

/** Llama's own way with spaces, instead of the normalizer and pre-tokenizer that are written down. */
function withLlamaSpaces(tokenizer: Json, { add_prefix_space: isPrefixed, legacy }: Json): Json {
  // Llama 3 and its descendants are at times said to be of this class, whose tokens are not bytes.
  if (!isObject(tokenizer.model) || tokenizer.model.byte_fallback !== true) return tokenizer;
  const scheme = isPrefixed === false ? "never" : legacy === true ? "always" : "first";
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split: false };
  return { ...tokenizer, normalizer: null, pre_tokenizer: metaspace };
}

/** BERT's normalizer with the configuration's case, accents and ideographs, which are BERT's where they are not given. */
function withNormalizer(tokenizer: Json, name: string | undefined, config: Json, file: string): Json {
  const { normalizer } = tokenizer;
  if (isObject(normalizer) && normalizer.type === "BertNormalizer") {
    return {
      ...tokenizer,
      normalizer: {
        ...normalizer,
        lowercase: config.do_lower_case ?? true,
        strip_accents: config.strip_accents ?? null,
        handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      },
    };
  }
  if (name !== "DebertaV2Tokenizer") return tokenizer;
  const asked = [
    ["do_lower_case", hasStep(normalizer, "Lowercase"), "normalizer"],
    ["split_by_punct", hasStep(tokenizer.pre_tokenizer, "Punctuation"), "pre_tokenizer"],
  ] as const;
  for (const [field, isThere, place] of asked) {
    if ((config[field] === true) !== isThere) {
      throw refusal(
        { ...config, [field]: config[field] ?? false },
        file,
        field,
        `${isThere} as in the ${place} of tokenizer.json`,
      );
    }
  }
  return tokenizer;
}

function hasStep(step: unknown, type: string): boolean {
  if (!isObject(step)) return false;
  const steps = step.normalizers ?? step.pretokenizers;
  return step.type === type || (Array.isArray(steps) && steps.some((each) => hasStep(each, type)));
}

/** Whether a text's first word reads as one after a space. */
function withPrefixSpace(tokenizer: Json, name: string | undefined, config: Json): Json {
  const given = config.add_prefix_space;
  const isPrefixed = typeof given === "boolean" ? given : name !== undefined && byteLevel.has(name) ? false : undefined;
  if (isPrefixed === undefined) return tokenizer;
  const otherwise = name === "DebertaV2Tokenizer" ? "first" : "never";
  const prefixed = (step: unknown): unknown => {
    if (!isObject(step)) return step;
    if (step.type === "ByteLevel") return { ...step, add_prefix_space: isPrefixed };
    if (step.type === "Metaspace") {
      return { ...step, add_prefix_space: isPrefixed, prepend_scheme: isPrefixed ? "always" : otherwise };
    }
    return Array.isArray(step.pretokenizers) ? { ...step, pretokenizers: step.pretokenizers.map(prefixed) } : step;
  };
  return { ...tokenizer, pre_tokenizer: prefixed(tokenizer.pre_tokenizer) };
}

/**
 * With the tokens that the configuration adds: those of `added_tokens_decoder` by their ids, and special tokens that are in the
 * vocabulary and not yet kept whole in texts.
 */
function withAddedTokens(tokenizer: Json, config: Json): Json {
  const there: readonly unknown[] = Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens : [];
  const tokens = new Map(there.filter(isObject).map((token) => [token.content, token] as const));
  const decoder = isObject(config.added_tokens_decoder) ? Object.entries(config.added_tokens_decoder) : [];
  for (const [id, token] of decoder) {
    if (!isObject(token) || typeof token.content !== "string") continue;
    tokens.set(token.content, { ...plainToken, id: Number(id), ...token, ...idOf(tokens.get(token.content)) });
  }
  const vocabulary = vocabularyOf(tokenizer.model);
  for (const name of specialTokenNames) {
    const given = config[name];
    const token = isObject(given) ? given : { content: given };
    const { content } = token;
    if (typeof content !== "string" || tokens.has(content)) continue;
    const id = vocabulary(content);
    if (id !== undefined) tokens.set(content, { ...plainToken, ...token, id, special: true });
  }
  return { ...tokenizer, added_tokens: [...tokens.values()] };
}

const plainToken = { special: false, normalized: false, single_word: false, lstrip: false, rstrip: false };

function idOf(token: Json | undefined): Json {
  return token === undefined ? {} : { id: token.id };
}

/** Ids by token, of a vocabulary that is an object or a list of pairs. */
function vocabularyOf(model: unknown): (content: string) => number | undefined {
  const vocabulary = isObject(model) ? model.vocab : undefined;
  if (isObject(vocabulary)) {
    return (content) => {
      const id = Object.hasOwn(vocabulary, content) ? vocabulary[content] : undefined;
      return typeof id === "number" ? id : undefined;
    };
  }
  const pairs: readonly unknown[] = Array.isArray(vocabulary) ? vocabulary : [];
  return (content) => {
    const id = pairs.findIndex((pair) => Array.isArray(pair) && pair[0] === content);
    return id < 0 ? undefined : id;
  };
}
