/** The file that has the newest figures of every row, and of each the machine that it was measured on. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Row } from "./row.js";

type KeptRow = Row & { readonly machine?: string };

/** Puts rows in the places of those that had their names, and others at the end. */
export function keepRows(file: string, rows: readonly Row[], machine: string): void {
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as KeptRow[]) : [];
  const byName = new Map(known.map((row) => [row.name, row]));
  for (const row of rows) byName.set(row.name, { ...row, machine });
  writeFileSync(file, `${JSON.stringify([...byName.values()], null, 2)}\n`);
}
