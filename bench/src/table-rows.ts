/**
 * The memory that it takes to read a table, against the texts that it keeps, by form and number of rows. The bar is four times.
 *
 *     npm run bench -- --only tables
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetWriteFile } from "hyparquet-writer";
import { outputOf } from "./child-process.js";
import { type MemoryRow, median, type Row } from "./row.js";
import type { TableFigures } from "./table-process.js";

const child = fileURLToPath(new URL("./table-process.js", import.meta.url));
const counts = [300_000, 1_000_000];

interface Text {
  readonly text: string;
  readonly label: string;
}

/** A row of eighty characters, and one of two labels. */
function rowOf(index: number): Text {
  return {
    text: `${index} a film that one would like to see again `.padEnd(80, "and again "),
    label: index % 2 ? "good" : "bad",
  };
}

const forms: Readonly<Record<string, (rows: readonly Text[], file: string) => void>> = {
  tsv: (rows, file) => writeLines(file, ["text\tlabel", ...rows.map(({ text, label }) => `${text}\t${label}`)]),
  csv: (rows, file) => writeLines(file, ["text,label", ...rows.map(({ text, label }) => `"${text}",${label}`)]),
  jsonl: (rows, file) =>
    writeLines(
      file,
      rows.map((row) => JSON.stringify(row)),
    ),
  json: (rows, file) => writeLines(file, [`[${rows.map((row) => JSON.stringify(row)).join(",\n")}]`]),
  parquet: (rows, filename) =>
    parquetWriteFile({
      filename,
      columnData: [
        { name: "text", type: "STRING", data: rows.map(({ text }) => text) },
        { name: "label", type: "STRING", data: rows.map(({ label }) => label) },
      ],
    }),
};

function writeLines(file: string, lines: readonly string[]): void {
  writeFileSync(file, `${lines.join("\n")}\n`);
}

/** A fresh process a round. */
export function tableRows({ rounds }: { readonly rounds: number }): Row[] {
  if (process.platform !== "linux") return [{ name: "Reading a table", absent: "it is measured on Linux only" }];
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-tables-"));
  try {
    return Object.entries(forms).flatMap(([form, write]) =>
      counts.map((count): MemoryRow => {
        const [file, small] = [join(folder, `large.${form}`), join(folder, `small.${form}`)];
        const rows = Array.from({ length: count }, (_, index) => rowOf(index));
        write(rows, file);
        write(rows.slice(0, 1000), small);
        const kept = rows.reduce((sum, { text, label }) => sum + text.length + label.length, 0);
        const growth = Array.from(
          { length: rounds },
          () => (JSON.parse(outputOf(process.execPath, [child, file, small])) as TableFigures).growth,
        );
        return {
          name: `${form}, ${count} rows: memory that reading adds, against the texts`,
          timesStored: median(growth) / kept,
          highest: Math.max(...growth) / kept,
          megabytes: median(growth) / 1e6,
          storedMegabytes: kept / 1e6,
        };
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
