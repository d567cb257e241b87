import { InputError, shown } from "../../errors.js";
import { isObject } from "../../files/json-value.js";

/** Above the largest vocabularies there are, by far; the tokenizer's library counts up to the largest id. */
const largestId = (1 << 24) - 1;

/** What the library joins with tokens as it is. */
const texts = ["unk_token", "continuing_subword_prefix", "end_of_word_suffix"] as const;

/**
 * Requires the tokens of tokenizer.json to be texts, and their ids to be such that a table of embeddings can have a row for each.
 * @param file what messages call it
 * @throws InputError for a token that is no text, and an id that is no whole number, below 0 or too large.
 */
export function requireVocabulary(
  { model, added_tokens: added }: Readonly<Record<string, unknown>>,
  file: string,
): void {
  const vocabulary = isObject(model) && isObject(model.vocab) ? Object.entries(model.vocab) : [];
  for (const [token, id] of vocabulary) requireId(token, id, file);
  if (isObject(model)) requireTexts(model, file);
  if (!Array.isArray(added)) return;
  for (const token of added as readonly unknown[]) {
    if (!isObject(token) || typeof token.content !== "string") {
      throw new InputError(`${file}: added_tokens has ${shown(token)}, expected an object with a content and an id.`);
    }
    requireId(token.content, token.id, file);
  }
}

function requireTexts(model: Readonly<Record<string, unknown>>, file: string): void {
  for (const field of texts) {
    const value = model[field];
    if (value === null || value === undefined || typeof value === "string") continue;
    throw new InputError(`${file}: model.${field} is ${shown(value)}, expected a text.`);
  }
  if (!Array.isArray(model.merges)) return;
  for (const merge of model.merges as readonly unknown[]) {
    const isPair = Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
    if (isPair || typeof merge === "string") continue;
    throw new InputError(`${file}: model.merges has ${shown(merge)}, expected two tokens.`);
  }
}

function requireId(token: string, id: unknown, file: string): void {
  if (Number.isInteger(id) && Number(id) >= 0 && Number(id) <= largestId) return;
  const found = typeof id === "number" ? id : id === null || id === undefined ? "nothing" : `a ${typeof id}`;
  throw new InputError(
    `${file}: the id of "${token.slice(0, 40)}" is ${found}, expected a whole number from 0 to ${largestId}.`,
  );
}
