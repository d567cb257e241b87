/** The letter that stands for each byte in tokenizers of GPT-2's kind. */
function byteLetters(): string[] {
  const printed = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printed(byte) ? byte : next++));
}

/** The content of a tokenizer.json: BPE over all bytes with three merges, a special token 259 and an added one. */
export function byteLevelTokenizer(preTokenizer: unknown): Readonly<Record<string, unknown>> {
  const merges = ["h e", "Ġ t", "Ġt he"];
  const vocabulary = [...byteLetters(), ...merges.map((pair) => pair.replace(" ", ""))];
  return {
    version: "1.0",
    added_tokens: [
      { id: 259, content: "<|end|>", special: true, normalized: false },
      { id: 260, content: "<think>", special: false, normalized: false },
    ],
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])), merges },
  };
}
