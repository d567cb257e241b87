/**
 * Running text for pretraining: lines of any texts, cleaned, without repetitions, short ones packed together and long ones
 * cut, so that every passage fills a training row.
 */
const wordsPerPassage = 90;
/** Lines of fewer words teach little about how words go together, and phrase collections are full of them. */
const fewestWords = 8;

/** Passages of about 90 words from the lines of texts: without mark-up and repetitions, in an order given by `order`. */
export function passagesOf(texts: readonly string[], order: (count: number) => Iterable<number>): string[] {
  const lines = texts.flatMap((text) => text.split("\n")).map(clean);
  const unique = [...new Set(lines)].filter((line) => line.split(" ").length >= fewestWords);
  const passages: string[] = [];
  const words: string[] = [];
  for (const index of order(unique.length)) {
    words.push(...(unique[index] ?? "").split(" "));
    while (words.length >= wordsPerPassage) passages.push(words.splice(0, wordsPerPassage).join(" "));
  }
  if (words.length > 0) passages.push(words.join(" "));
  return passages;
}

function clean(text: string): string {
  return text
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}
