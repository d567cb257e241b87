/**
 * Running text for pretraining: lines of any files, cleaned, without repetitions, short ones packed together and long ones
 * cut, so that every passage fills a training row.
 */
import { readFileSync } from "node:fs";
import { extname } from "node:path";

const wordsPerPassage = 90;
/** Lines of fewer words teach little about how words go together, and phrase collections are full of them. */
const fewestWords = 8;

/** The texts in a file: lines of .txt, the columns named in .tsv, the fields named in .jsonl or a .json array. */
export function readTexts(file: string, fields: readonly string[]): string[] {
  const content = readFileSync(file, "utf8");
  const lines = content.split(/\r?\n/).filter((line) => line.trim() !== "");
  const pick = (record: Record<string, unknown>) =>
    fields.flatMap((field) => (typeof record[field] === "string" ? [record[field]] : []));
  switch (extname(file)) {
    case ".tsv": {
      const [header = "", ...rows] = lines;
      const columns = header.split("\t").flatMap((name, column) => (fields.includes(name) ? [column] : []));
      return rows.flatMap((row) => columns.map((column) => row.split("\t")[column] ?? ""));
    }
    case ".jsonl":
      return lines.flatMap((line) => pick(JSON.parse(line) as Record<string, unknown>));
    case ".json":
      return (JSON.parse(content) as Record<string, unknown>[]).flatMap(pick);
    default:
      return lines;
  }
}

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
