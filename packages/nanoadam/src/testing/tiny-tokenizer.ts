/** Tokenizers of some forty tokens, as the files that Hugging Face's tokenizers library writes. */

/** The words that tests' texts are made of. */
export const tinyWords = {
  good: ["good", "gold"],
  bad: ["bad", "bare"],
  neutral: ["the", "a", "film", "was", "is", "it", "this", "very", "plot", "cast"],
} as const;

const allWords: readonly string[] = Object.values(tinyWords).flat();

const letters = [..."abcdefghijklmnopqrstuvwxyz."];

function addedToken(content: string, id: number) {
  return { id, content, special: true, normalized: false, single_word: false, lstrip: false, rstrip: false };
}

/** The contents of a tokenizer's files by their names. */
export type TokenizerFiles = Readonly<Record<string, string>>;

function files(tokenizer: unknown, config: unknown): TokenizerFiles {
  return {
    "tokenizer.json": `${JSON.stringify(tokenizer)}\n`,
    "tokenizer_config.json": `${JSON.stringify(config, null, 1)}\n`,
  };
}

/** WordPiece with BERT's template: words, letters' continuations for what is unknown, and punctuation. */
export function wordPieceFiles(): TokenizerFiles {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const vocabulary = [...special, ...allWords, "##s", "##ly", "##er", ".", ",", "!", "?", "and", "not", "so"];
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map(addedToken),
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, lowercase: true },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [
        { SpecialToken: { id: "[CLS]", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "[SEP]", type_id: 0 } },
      ],
      pair: [
        { SpecialToken: { id: "[CLS]", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "[SEP]", type_id: 0 } },
        { Sequence: { id: "B", type_id: 1 } },
        { SpecialToken: { id: "[SEP]", type_id: 1 } },
      ],
      special_tokens: {
        "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] },
        "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] },
      },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    },
  };
  const config = { tokenizer_class: "BertTokenizer", pad_token: "[PAD]", mask_token: "[MASK]", unk_token: "[UNK]" };
  return { ...files(tokenizer, config), "vocab.txt": vocabulary.map((token) => `${token}\n`).join("") };
}

/** Byte-level BPE with RoBERTa's template: letters, the space, and a few merges. */
export function bytePairFiles(): TokenizerFiles {
  const special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];
  const merges = [
    ["Ġ", "g"],
    ["Ġ", "b"],
    ["Ġ", "t"],
    ["Ġt", "h"],
    ["Ġg", "o"],
    ["Ġb", "a"],
  ] as const;
  const vocabulary = [...special, ...letters, "Ġ", ...merges.map((pair) => pair.join(""))];
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map(addedToken),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    post_processor: {
      type: "RobertaProcessing",
      sep: ["</s>", 2],
      cls: ["<s>", 0],
      trim_offsets: true,
      add_prefix_space: true,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(" ")),
    },
  };
  const config = {
    tokenizer_class: "RobertaTokenizer",
    add_prefix_space: true,
    pad_token: "<pad>",
    mask_token: "<mask>",
    eos_token: "</s>",
  };
  return { ...files(tokenizer, config), "merges.txt": "#version: 0.2\n" };
}

/**
 * BPE as Llama has it: letters, spaces as "▁", bytes for what is unknown, and a token before each text. There is none for
 * padding. Its ids are below 300.
 */
export function byteFallbackFiles(config: Readonly<Record<string, unknown>> = {}): TokenizerFiles {
  const special = ["<unk>", "<s>", "</s>"];
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const merges = ["▁ g", "▁ b", "▁ t", "▁t h", "▁g o", "▁b a"];
  const vocabulary = [...special, ...bytes, ...letters, "▁", ...merges.map((pair) => pair.replace(" ", ""))];
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map(addedToken),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [
        { SpecialToken: { id: "<s>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "<s>", type_id: 1 } },
        { Sequence: { id: "B", type_id: 1 } },
      ],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges,
    },
  };
  const known = { tokenizer_class: "LlamaTokenizer", bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" };
  return files(tokenizer, { ...known, ...config });
}

/** Unigram with XLM-RoBERTa's template: a few pieces with their scores, the text normalised by NFKC. */
export function unigramFiles(): TokenizerFiles {
  const special = ["<s>", "<pad>", "</s>", "<unk>"];
  const scored: Readonly<Record<string, number>> = {
    "▁the": -3.2,
    "▁film": -4.1,
    "▁good": -4.3,
    "▁go": -5,
    od: -5.5,
    "▁": -2.5,
    s: -3.9,
    ly: -4.8,
    bad: -4.9,
    "▁bad": -4.4,
    e: -5.1,
    r: -5.2,
    a: -5.3,
    t: -5.4,
    f: -6,
    i: -6.1,
    l: -6.2,
    m: -6.3,
    g: -6.4,
    o: -6.5,
    d: -6.6,
    b: -6.7,
    é: -7,
    中: -7.1,
  };
  const vocabulary = [
    ...special.map((token): [string, number] => [token, 0]),
    ...Object.entries(scored),
    ["<mask>", 0],
  ];
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...special.map(addedToken), { ...addedToken("<mask>", vocabulary.length - 1), lstrip: true }],
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "NFKC" }, { type: "Replace", pattern: { Regex: " {2,}" }, content: " " }],
    },
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    post_processor: {
      type: "TemplateProcessing",
      single: [
        { SpecialToken: { id: "<s>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "</s>", type_id: 0 } },
      ],
      pair: [
        { SpecialToken: { id: "<s>", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "</s>", type_id: 0 } },
        { SpecialToken: { id: "</s>", type_id: 0 } },
        { Sequence: { id: "B", type_id: 0 } },
        { SpecialToken: { id: "</s>", type_id: 0 } },
      ],
      special_tokens: {
        "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] },
        "</s>": { id: "</s>", ids: [2], tokens: ["</s>"] },
      },
    },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "Unigram", unk_id: 3, vocab: vocabulary, byte_fallback: false },
  };
  return files(tokenizer, { tokenizer_class: "XLMRobertaTokenizer", pad_token: "<pad>", mask_token: "<mask>" });
}
