/** Images inside Parquet files, as the library `datasets` writes them: a column of { bytes, path }. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { InputError } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import { decodeImage } from "./decode.js";
import type { RawImage } from "./raw-image.js";

/** Reads the image in a row, counted from 0. */
export type ParquetImages = (row: number) => Promise<RawImage>;

/** The bytes of decompressed rows that are kept for the next to ask, at most. */
const mostKept = 128 * 2 ** 20;

/**
 * The images in a column of a Parquet file. Rows are read in groups as the file has them, and the last groups that were asked for
 * are kept as far as they are not too large.
 */
export function parquetImages(path: string, column: string): ParquetImages {
  const file = asyncBufferFromFile(path);
  const metadata = file.then((opened) => parquetMetadataAsync(opened));
  const kept = new Map<number, Promise<readonly unknown[]>>();
  const sizes = new Map<number, number>();
  const groupAt = async (row: number) => {
    let first = 0;
    for (const group of (await metadata).row_groups) {
      const rows = Number(group.num_rows);
      if (row < first + rows) return { first, rows, bytes: Number(group.total_byte_size) };
      first += rows;
    }
    throw new InputError(`${path} has no row ${row + 1}`);
  };
  const readGroup = async ({ first, rows }: { readonly first: number; readonly rows: number }) => {
    const wanted = { rowStart: first, rowEnd: first + rows, columns: [column] };
    const read = { file: await file, metadata: await metadata, compressors, utf8: false };
    return (await parquetReadObjects({ ...read, ...wanted })).map((values) => values[column]);
  };
  return async (row) => {
    const group = await groupAt(row);
    const values = kept.get(group.first) ?? readGroup(group);
    kept.delete(group.first);
    kept.set(group.first, values);
    sizes.set(group.first, group.bytes);
    let total = [...kept.keys()].reduce((sum, first) => sum + (sizes.get(first) ?? 0), 0);
    for (const first of kept.keys()) {
      if (total <= mostKept || kept.size === 1) break;
      kept.delete(first);
      total -= sizes.get(first) ?? 0;
    }
    const name = `${path}, row ${row + 1}`;
    const value = (await values)[row - group.first];
    const bytes = value instanceof Uint8Array ? value : isObject(value) ? value.bytes : undefined;
    if (!(bytes instanceof Uint8Array)) throw new InputError(`${name}: "${column}" has no bytes of an image`);
    return decodeImage(bytes, name);
  };
}

/** The first column of images, of those of usual names that are bytes, or have them; undefined where there is none. */
export async function imageColumnOf(path: string, names: readonly string[]): Promise<string | undefined> {
  const { schema } = await parquetMetadataAsync(await asyncBufferFromFile(path));
  const bytesOf = (place: number) => {
    const [element, ...below] = schema.slice(place, place + 3);
    const isBytes = ({ type, converted_type: converted }: { type?: string; converted_type?: string }) =>
      type === "BYTE_ARRAY" && converted !== "UTF8";
    if (element === undefined) return false;
    return element.num_children === undefined
      ? isBytes(element)
      : below.some((child) => child.name === "bytes" && isBytes(child));
  };
  return names.find((name) => {
    const place = schema.findIndex((element) => element.name === name);
    return place > 0 && bytesOf(place);
  });
}
