/** BERT's normalizer by code points, as Hugging Face's tokenizers have it; the library's goes by halves of UTF-16. */

/** Fields of a `BertNormalizer` in tokenizer.json. */
export interface BertNormalizerConfig {
  readonly clean_text?: unknown;
  readonly handle_chinese_chars?: unknown;
  readonly strip_accents?: unknown;
  readonly lowercase?: unknown;
}

export function bertNormalizer(config: BertNormalizerConfig): (text: string) => string {
  const isLowerCased = config.lowercase === true;
  const isStripped = typeof config.strip_accents === "boolean" ? config.strip_accents : isLowerCased;
  const steps = [
    config.clean_text === true ? cleanText : undefined,
    config.handle_chinese_chars === true ? setIdeographsApart : undefined,
    isStripped ? stripAccents : undefined,
    isLowerCased ? lowerCase : undefined,
  ].filter((step) => step !== undefined);
  return (text) => steps.reduce((current, step) => step(current), text);
}

/** Each character in lower case by itself: not with the sigma that ends a word, which takes the whole word to know. */
export function lowerCase(text: string): string {
  return text.replace(/\p{Changes_When_Lowercased}/gu, (character) => character.toLowerCase());
}

/** Without control characters, and with spaces for white space. */
function cleanText(text: string): string {
  return text.replace(/[\0\uFFFD]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, "").replace(/\s/gu, " ");
}

/** The blocks that BERT takes for words of their own. */
const ideograph =
  /[\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu;

function setIdeographsApart(text: string): string {
  return text.replace(ideograph, " $& ");
}

function stripAccents(text: string): string {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "");
}
