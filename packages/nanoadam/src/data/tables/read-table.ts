/** Data files of the file system. */
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { InputError } from "../../errors.js";
import { inspectFile, largestText, readInPieces, readWholeFile, unreadable } from "../../files/read-file.js";
import { containerOf } from "./containers.js";
import { decodeText } from "./decode-text.js";
import { formatOf } from "./format.js";
import { readJsonPieces } from "./json-pieces.js";
import { tableInSteps } from "./parse-table.js";
import { withPauses } from "./steps.js";
import type { Table, TableOptions } from "./table.js";

const jsonFile = /\.(json|jsonl|ndjson)$/i;

/**
 * Reads a data file into rows of named cells: Parquet, or text (see `parseTable` for the formats, `decodeText` for the encodings;
 * at most 500 MiB), which may be packed by gzip. Throws InputError for a file that is missing, of another kind, empty or malformed.
 */
export async function readTable(path: string, options: TableOptions = {}): Promise<Table> {
  const container = await inspect(path);
  if (container === "parquet") {
    const { readParquet } = await import("./parquet.js");
    return readParquet(path, options);
  }
  const inPieces =
    container === "text" && jsonFile.test(path) ? await readJsonPieces(readInPieces(path), path, options) : undefined;
  return inPieces ?? withPauses(tableInSteps(await readText(path), path, options), setImmediate);
}

/** The text of a data file, unpacked. Throws InputError for a file that is missing, empty, too large or no text. */
export async function readText(path: string): Promise<string> {
  const container = await inspect(path);
  let bytes = await readWholeFile(path, nameOf(path)).catch((error: unknown) => {
    throw unreadable(error, nameOf(path));
  });
  if (container === "gzip") {
    bytes = await unpacked(bytes, path);
    if (containerOf(bytes.subarray(0, 16), path) !== "text") {
      throw new InputError(`The data file ${path} is packed twice; unpack it first.`);
    }
  } else if (container === "parquet") {
    throw new InputError(`The data file ${path} is Parquet, expected text.`);
  }
  return decodeText(bytes, path);
}

async function inspect(path: string): ReturnType<typeof inspectKind> {
  try {
    return await inspectKind(path);
  } catch (error) {
    throw unreadable(error, nameOf(path));
  }
}

async function inspectKind(path: string) {
  const { size, start } = await inspectFile(path, nameOf(path));
  if (size === 0) throw new InputError(`The data file ${path} is empty.`);
  const container = containerOf(start, path);
  if (formatOf(path) === ".parquet" && container === "text") {
    throw new InputError(`The data file ${path} does not begin as Parquet does; is it damaged?`);
  }
  return container;
}

async function unpacked(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: largestText });
  } catch (error) {
    const isTooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    const fault = isTooLarge
      ? `unpacks to more than ${largestText} bytes; split it`
      : "is packed by gzip, and damaged or cut off";
    throw new InputError(`The data file ${path} ${fault}.`);
  }
}

function nameOf(path: string): string {
  return `The data file ${path}`;
}
