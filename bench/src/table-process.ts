/**
 * A process that reads a data file as a table, and prints as JSON by how much its memory peaked above its size before, in bytes: what
 * the program takes without any data, and what reading a small file of the same form loads, is not counted. Linux only.
 *
 *     node bench/dist/table-process.js FILE SMALL-FILE
 */
import { readFileSync, writeFileSync } from "node:fs";

export interface TableFigures {
  readonly before: number;
  readonly growth: number;
}

interface Reader {
  readonly readTable: (path: string) => Promise<{ readonly columns: readonly string[] }>;
}

const room = new URL("../../packages/nanoadam/dist/data/tables/read-table.js", import.meta.url);
const { readTable } = (await import(room.href)) as Reader;
const memory = (figure: "VmRSS" | "VmHWM") =>
  Number(new RegExp(`${figure}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;

const [, , file = "", small = ""] = process.argv;
await readTable(small);
// 5 sets the peak back to what is resident now.
writeFileSync("/proc/self/clear_refs", "5");
const before = memory("VmRSS");
const table = await readTable(file);
const growth = memory("VmHWM") - before;
if (table.columns.length !== 2) throw new Error(`${file} has ${table.columns.length} columns`);
console.log(JSON.stringify({ before, growth } satisfies TableFigures));
