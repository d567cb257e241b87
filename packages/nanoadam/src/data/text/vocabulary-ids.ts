import { InputError } from "../../errors.js";
import { isObject } from "../../files/json-value.js";

/** Above the largest vocabularies there are, by far; the tokenizer's library counts up to the largest id. */
const largestId = (1 << 24) - 1;

/**
 * Requires the ids of tokenizer.json to be such that a table of embeddings can have a row for each.
 * @param file what messages call it
 * @throws InputError for an id that is no whole number, below 0 or too large.
 */
export function requireVocabularyIds(
  { model, added_tokens: added }: Readonly<Record<string, unknown>>,
  file: string,
): void {
  const vocabulary = isObject(model) && isObject(model.vocab) ? Object.entries(model.vocab) : [];
  for (const [token, id] of vocabulary) requireId(token, id, file);
  if (!Array.isArray(added)) return;
  for (const token of added as readonly unknown[]) {
    if (isObject(token)) requireId(String(token.content), token.id, file);
  }
}

function requireId(token: string, id: unknown, file: string): void {
  if (Number.isInteger(id) && Number(id) >= 0 && Number(id) <= largestId) return;
  const found = typeof id === "number" ? id : id === null || id === undefined ? "nothing" : `a ${typeof id}`;
  throw new InputError(
    `${file}: the id of "${token.slice(0, 40)}" is ${found}, expected a whole number from 0 to ${largestId}.`,
  );
}
