import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { parseCsv } from "./csv.js";

/**
 * The texts in a file: lines of .txt, the columns named in .tsv and .csv, the fields named in .jsonl or a .json array.
 * Throws where a file has none of the fields, or is of another kind.
 */
export function readTexts(file: string, fields: readonly string[]): string[] {
  const content = readFileSync(file, "utf8");
  const lines = () => content.split(/\r?\n/).filter((line) => line.trim() !== "");
  switch (extname(file)) {
    case ".txt":
      return lines();
    case ".tsv":
      return ofColumns(
        lines().map((line) => line.split("\t")),
        fields,
        file,
      );
    case ".csv":
      return ofColumns(parseCsv(content), fields, file);
    case ".jsonl":
      return ofRecords(
        lines().map((line): unknown => JSON.parse(line)),
        fields,
        file,
      );
    case ".json":
      return ofRecords(JSON.parse(content), fields, file);
    default:
      throw new Error(`${file} is not a .txt, .tsv, .csv, .jsonl or .json file`);
  }
}

function ofColumns([header = [], ...rows]: readonly string[][], fields: readonly string[], file: string): string[] {
  const columns = header.flatMap((name, column) => (fields.includes(name) ? [column] : []));
  if (columns.length === 0) throw new Error(`${file} has none of the columns ${fields.join(", ")}`);
  return rows.flatMap((row) => columns.map((column) => row[column] ?? ""));
}

function ofRecords(records: unknown, fields: readonly string[], file: string): string[] {
  if (!Array.isArray(records)) throw new Error(`${file} is not an array of records`);
  const texts = records.flatMap((record: unknown) =>
    typeof record === "object" && record !== null
      ? fields.map((field) => (record as Record<string, unknown>)[field]).filter((value) => typeof value === "string")
      : [],
  );
  if (texts.length === 0) throw new Error(`${file} has none of the fields ${fields.join(", ")}`);
  return texts;
}
