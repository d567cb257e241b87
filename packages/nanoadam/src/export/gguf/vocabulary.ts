/** A tokenizer as GGUF describes it: its tokens, and by which of llama.cpp's ways a text becomes these. */
import { InputError } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import type { GgufValue } from "./file-format.js";

type Json = Readonly<Record<string, unknown>>;

/** What llama.cpp knows of a token. */
const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** By the pattern at which a text is cut first, what llama.cpp calls it. */
const patterns: Readonly<Record<string, string>> = {
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    "llama-bpe",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    "qwen2",
};

export interface Vocabulary {
  /** The content of tokenizer.json. */
  readonly tokenizer: Json;
  /** What messages call it. */
  readonly file: string;
  /** Rows of the embedding table, of which some may have no token. */
  readonly rows: number;
}

/**
 * The keys of a BPE tokenizer: of SentencePiece's kind, with bytes for what is unknown, or of GPT-2's, over bytes.
 * @throws InputError for one of another kind, or whose text is changed or cut as llama.cpp does not do it
 */
export function vocabularyValues({ tokenizer, file, rows }: Vocabulary): Map<string, GgufValue> {
  const model = isObject(tokenizer.model) ? tokenizer.model : {};
  if (model.type !== "BPE" || !isObject(model.vocab)) {
    throw new InputError(`${file}: a ${String(model.type)} tokenizer cannot be exported to GGUF, expected BPE`);
  }
  const ids = new Map(Object.entries(model.vocab).map(([token, id]) => [token, Number(id)]));
  const merges = mergesOf(model.merges);
  const isByteLevel = model.byte_fallback !== true;
  const added = (Array.isArray(tokenizer.added_tokens) ? tokenizer.added_tokens : []).filter(isObject);
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(rows).fill(tokenTypes.unused);
  const name = (token: string, id: number, type: number) => {
    [tokens[id], types[id]] = [token, type];
  };
  for (const [token, id] of ids) {
    const isByte = !isByteLevel && /^<0x[0-9A-F]{2}>$/i.test(token);
    name(token, id, isByte ? tokenTypes.byte : tokenTypes.normal);
  }
  for (const { content, id, special } of added) {
    name(String(content), Number(id), special === true ? tokenTypes.control : tokenTypes.userDefined);
  }
  const unknown = typeof model.unk_token === "string" ? ids.get(model.unk_token) : undefined;
  if (unknown !== undefined && !isByteLevel) types[unknown] = tokenTypes.unknown;
  return new Map<string, GgufValue>([
    ["tokenizer.ggml.tokens", { string: tokens }],
    ["tokenizer.ggml.token_type", { int32: types }],
    ...(isByteLevel ? byteLevel(tokenizer, file, merges) : sentencePiece(tokenizer, file, { merges, ids, rows })),
    ...(unknown === undefined ? [] : [["tokenizer.ggml.unknown_token_id", { uint32: unknown }] as const]),
  ]);
}

function mergesOf(merges: unknown): (readonly [string, string])[] {
  return (Array.isArray(merges) ? merges : []).map((merge: unknown) => {
    const [first, second] = Array.isArray(merge) ? merge : String(merge).split(" ");
    return [String(first), String(second)];
  });
}

type Entry = readonly [key: string, value: GgufValue];

function byteLevel(tokenizer: Json, file: string, merges: readonly (readonly [string, string])[]): Entry[] {
  const normalizer = isObject(tokenizer.normalizer) ? tokenizer.normalizer.type : undefined;
  if (normalizer !== undefined && normalizer !== "NFC") {
    throw new InputError(`${file}: a ${String(normalizer)} normalizer cannot be exported to GGUF`);
  }
  return [
    ["tokenizer.ggml.model", { string: "gpt2" }],
    ["tokenizer.ggml.pre", { string: preTokenizerName(tokenizer.pre_tokenizer, file) }],
    ["tokenizer.ggml.merges", { string: merges.map((pair) => pair.join(" ")) }],
  ];
}

function preTokenizerName(preTokenizer: unknown, file: string): string {
  const parts = partsOf(preTokenizer, "pretokenizers");
  const kinds = parts.map(({ type }) => type).join();
  const last = parts.at(-1) ?? {};
  if (last.type === "ByteLevel" && last.add_prefix_space !== true) {
    if (kinds === "ByteLevel" && last.use_regex !== false) return "gpt-2";
    if (kinds === "Digits,ByteLevel" && parts[0]?.individual_digits === true && last.use_regex !== false) {
      return "smollm";
    }
    const pattern = isObject(parts[0]?.pattern) ? parts[0].pattern.Regex : undefined;
    const known = kinds === "Split,ByteLevel" && typeof pattern === "string" ? patterns[pattern] : undefined;
    if (known !== undefined && last.use_regex === false) return known;
  }
  throw new InputError(
    `${file}: its pre_tokenizer (${kinds === "" ? "none" : kinds}) is none that can be exported to GGUF: those of GPT-2, Llama 3, Qwen 2 and SmolLM`,
  );
}

function sentencePiece(
  tokenizer: Json,
  file: string,
  vocabulary: {
    readonly merges: readonly (readonly [string, string])[];
    readonly ids: ReadonlyMap<string, number>;
    readonly rows: number;
  },
): Entry[] {
  const steps = [...partsOf(tokenizer.normalizer, "normalizers"), ...partsOf(tokenizer.pre_tokenizer, "pretokenizers")];
  const isKnown = ({ type, prepend, content, replacement }: Json) =>
    (type === "Prepend" && prepend === "▁") ||
    (type === "Replace" && content === "▁") ||
    (type === "Metaspace" && replacement === "▁");
  const foreign = steps.find((step) => !isKnown(step));
  if (foreign !== undefined || steps.length === 0) {
    throw new InputError(
      `${file}: ${String(foreign?.type ?? "no normalizer")} cannot be exported to GGUF, expected spaces that become ▁`,
    );
  }
  const isPrefixed = steps.some(
    ({ type, prepend_scheme }) => type === "Prepend" || (type === "Metaspace" && prepend_scheme !== "never"),
  );
  // Pieces join in the order of their scores: the earlier a merge, the higher.
  const scores = new Array<number>(vocabulary.rows).fill(-vocabulary.merges.length - 1);
  for (const [rank, pair] of [...vocabulary.merges.entries()].toReversed()) {
    const id = vocabulary.ids.get(pair.join(""));
    if (id !== undefined) scores[id] = -rank;
  }
  return [
    ["tokenizer.ggml.model", { string: "llama" }],
    ["tokenizer.ggml.pre", { string: "default" }],
    ["tokenizer.ggml.scores", { float32: scores }],
    ["tokenizer.ggml.add_space_prefix", { bool: isPrefixed }],
  ];
}

/** The steps of a sequence, or the one that there is. */
function partsOf(step: unknown, list: string): readonly Json[] {
  if (!isObject(step)) return [];
  const inner = step[list];
  return step.type === "Sequence" && Array.isArray(inner) ? inner.filter(isObject) : [step];
}
