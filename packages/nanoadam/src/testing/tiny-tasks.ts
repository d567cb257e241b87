/** Data files for tasks that learn more than a label of each text, made of the same texts as `tinyRows`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tinyRows } from "./tiny-data.js";
import { tinyWords } from "./tiny-tokenizer.js";

/** "B-GOOD" of good words and "B-BAD" of bad ones. */
function tagOf(word: string): string {
  if (tinyWords.good.some((good) => good === word)) return "B-GOOD";
  return tinyWords.bad.some((bad) => bad === word) ? "B-BAD" : "O";
}

/** Sentences as words with tags, as JSON lines and as lines of a word and its tag. */
export async function writeTaggedData(folder: string, name: string, count: number, seed = 1) {
  const sentences = tinyRows(count, seed).map(({ sentence }) => {
    const tokens = sentence.split(" ");
    return { tokens, ner_tags: tokens.map(tagOf) };
  });
  const [jsonl, conll] = [join(folder, `${name}.jsonl`), join(folder, `${name}.conll`)];
  await writeFile(jsonl, sentences.map((sentence) => `${JSON.stringify(sentence)}\n`).join(""));
  const lines = sentences.map(({ tokens, ner_tags }) => tokens.map((word, i) => `${word} X ${ner_tags[i]}\n`).join(""));
  await writeFile(conll, lines.join("\n"));
  return { jsonl, conll };
}

/** Texts with the labels good, bad and film, as columns of 0 and 1 and as one column with bars. */
export async function writeMultiLabelData(folder: string, name: string, count: number, seed = 1) {
  const rows = tinyRows(count, seed).map(({ sentence }, index) => {
    // Every fifth text has none of the labels.
    const words = index % 5 === 4 ? ["it", "was", "very"] : sentence.split(" ");
    const tags = words.map(tagOf);
    const labels = [
      ...(tags.includes("B-GOOD") ? ["good"] : []),
      ...(tags.includes("B-BAD") ? ["bad"] : []),
      ...(words.includes("film") ? ["film"] : []),
    ];
    return { sentence: words.join(" "), labels };
  });
  const [columns, bars] = [join(folder, `${name}.csv`), join(folder, `${name}.tsv`)];
  const csv = rows.map(({ sentence, labels }) => [
    sentence,
    ...["good", "bad", "film"].map((label) => (labels.includes(label) ? 1 : 0)),
  ]);
  await writeFile(columns, ["sentence,good,bad,film", ...csv.map((row) => row.join(",")), ""].join("\n"));
  const tsv = rows.map(({ sentence, labels }) => `${sentence}\t${labels.join("|")}`);
  await writeFile(bars, ["sentence\tlabels", ...tsv, ""].join("\n"));
  return { columns, bars, labels: rows.map(({ labels }) => labels) };
}
