/** Files that are no text, told by their first bytes. */
import { InputError } from "../../errors.js";
import { formatOf } from "./format.js";

export type Container = "text" | "gzip" | "parquet";

const asText = "save it as CSV, TSV, JSON lines or Parquet";
const asCsv = "save it as CSV (UTF-8)";
const unpack = "unpack it first";

/** What begins so, and what is to be done with it. */
const unread: readonly (readonly [signature: readonly number[] | string, name: string, remedy: string])[] = [
  ["PK\u0003\u0004", "a zip archive", unpack],
  [[0xd0, 0xcf, 0x11, 0xe0], "a file of an older Excel or Word", asCsv],
  ["%PDF-", "a PDF", asText],
  ["SQLite format 3", "an SQLite database", asText],
  ["ARROW1", "an Arrow file", asText],
  ["ORC", "an ORC file", asText],
  ["Obj\u0001", "an Avro file", asText],
  [[0x93, ..."NUMPY".split("").map((letter) => letter.charCodeAt(0))], "a NumPy array", asText],
  [[0x89, 0x48, 0x44, 0x46], "an HDF5 file", asText],
  [[0x28, 0xb5, 0x2f, 0xfd], "packed with zstd", unpack],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "packed with xz", unpack],
  ["BZh", "packed with bzip2", unpack],
  [[0x37, 0x7a, 0xbc, 0xaf], "a 7z archive", unpack],
  [[0x80, 0x02], "a Python pickle", asText],
  [[0x80, 0x03], "a Python pickle", asText],
  [[0x80, 0x04], "a Python pickle", asText],
  [[0x80, 0x05], "a Python pickle", asText],
];

/** Endings of what zip archives are besides. */
const zipped: Readonly<Record<string, readonly [name: string, remedy: string]>> = {
  ".xlsx": ["an Excel workbook", asCsv],
  ".xlsm": ["an Excel workbook", asCsv],
  ".ods": ["an OpenDocument spreadsheet", asCsv],
  ".docx": ["a Word document", asText],
  ".npz": ["a NumPy archive", asText],
  ".numbers": ["a Numbers spreadsheet", asCsv],
};

/**
 * What a file holds, from its first bytes.
 * @throws InputError for a kind of file that is not read, with the way out
 */
export function containerOf(start: Uint8Array, file: string): Container {
  if (beginsWith(start, [0x1f, 0x8b])) return "gzip";
  if (beginsWith(start, "PAR1")) return "parquet";
  const found = unread.find(([signature]) => beginsWith(start, signature));
  if (found === undefined) return "text";
  const isZip = beginsWith(start, "PK\u0003\u0004");
  const [name, remedy] = (isZip ? zipped[formatOf(file)] : undefined) ?? [found[1], found[2]];
  throw new InputError(`The data file ${file} is ${name}, which is not read; ${remedy}.`);
}

function beginsWith(start: Uint8Array, signature: readonly number[] | string): boolean {
  const bytes = typeof signature === "string" ? [...signature].map((letter) => letter.charCodeAt(0)) : signature;
  return bytes.every((byte, place) => start[place] === byte);
}
