import { writeFile } from "node:fs/promises";
import { seededUniform } from "./tiny-checkpoint.js";
import { tinyWords } from "./tiny-tokenizer.js";

/** A labelled text; label and score are told by one of its words, so that every model can learn them. */
export interface TinyRow {
  readonly sentence: string;
  readonly reply: string;
  readonly label: "good" | "bad";
  readonly score: string;
}

/** Rows of two to six words; good and bad in turn. */
export function tinyRows(count: number, seed = 1): TinyRow[] {
  const uniform = seededUniform(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(uniform() * items.length)] as Item;
  return Array.from({ length: count }, (_, row): TinyRow => {
    const label = row % 2 === 0 ? "good" : "bad";
    const words: string[] = Array.from({ length: 1 + Math.floor(uniform() * 5) }, () => pick(tinyWords.neutral));
    const word = pick(tinyWords[label]);
    words.splice(Math.floor(uniform() * (words.length + 1)), 0, word);
    const strength = 1 + (tinyWords[label] as readonly string[]).indexOf(word);
    return {
      sentence: words.join(" "),
      reply: `${pick(tinyWords.neutral)} ${label}`,
      label,
      score: String((label === "good" ? 1 : -1) * (0.5 + 0.5 * strength)),
    };
  });
}

/** Writes rows as a .tsv file and returns its path. */
export async function writeTinyData(path: string, rows: readonly TinyRow[]): Promise<string> {
  const lines = rows.map(({ sentence, reply, label, score }) => [sentence, reply, label, score].join("\t"));
  await writeFile(path, ["sentence\treply\tlabel\tscore", ...lines, ""].join("\n"));
  return path;
}
