import { readFile } from "node:fs/promises";
import { InputError } from "../../errors.js";
import { describeSystemError } from "../../files/system-error.js";
import { parseTable } from "./parse-table.js";
import type { Table, TableOptions } from "./table.js";

/** JavaScript's longest string is a little above this many UTF-16 units. */
const largestFile = 500 * 2 ** 20;

/**
 * Reads a data file (.tsv, .csv, .jsonl, .ndjson, .json, .txt; UTF-8, at most 500 MiB) into rows of named text fields;
 * see `parseTable` for the formats. Throws InputError for a file that is missing, not UTF-8, empty or malformed.
 */
export async function readTable(path: string, options: TableOptions = {}): Promise<Table> {
  return parseTable(await readText(path), path, options);
}

/** The text of a data file. Throws InputError for a file that is missing, empty, too large or not UTF-8. */
export async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new InputError(`The data file ${path} could not be read: ${describeSystemError(error)}.`);
  }
  if (bytes.length === 0) throw new InputError(`The data file ${path} is empty.`);
  if (bytes.length > largestFile) {
    throw new InputError(`The data file ${path} has ${bytes.length} bytes, at most ${largestFile} are read; split it.`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`The data file ${path} is not UTF-8 text.`);
  }
}
