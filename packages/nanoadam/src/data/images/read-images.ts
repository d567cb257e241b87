/** The images of data, whatever form they have. */
import { stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { InputError } from "../../errors.js";
import { isMissingLabel, tidyLabel } from "../label-spelling.js";
import type { DataSource } from "../source.js";
import { requireField, type Table, textOf } from "../tables/table.js";
import { imagesInCifarFile } from "./cifar.js";
import { imageNames } from "./decode.js";
import { type ImageEntry, imageFile } from "./image-entry.js";
import { imagesInFolder } from "./image-folder.js";
import { imageColumnOf, parquetImages } from "./parquet-images.js";

const usualImageColumns = ["image", "img", "image_path", "path", "file", "file_name", "filename"];
const usualLabelColumns = ["label", "labels", "fine_label", "class", "category", "target"];

/**
 * The images of a source, with their labels where they have one: a folder, a binary file of CIFAR, one image, a Parquet file with
 * a column of images, or any other table with a column of paths, which count from the table's folder unless they are absolute.
 * @throws InputError for data that cannot be read, or are no images
 */
export async function readImages(source: DataSource): Promise<ImageEntry[]> {
  const { file, limit } = source;
  const entries = await entriesOf(source, await isFolder(source));
  if (entries.length === 0) throw new InputError(`${file} has no images`);
  return entries.slice(0, limit);
}

async function entriesOf(source: DataSource, isInFolder: boolean): Promise<ImageEntry[]> {
  const { file } = source;
  if (isInFolder) return imagesInFolder(file);
  if (source.format === ".bin") return imagesInCifarFile(file);
  if (imageNames.test(file)) return [imageFile(file)];
  const table = await source.table();
  const label = source.label?.[0] ?? usualLabelColumns.find((name) => table.columnIndex(name) !== undefined);
  if (source.format === ".parquet") {
    const names = source.text.length > 0 ? source.text : usualImageColumns;
    const column = await imageColumnOf(file, names);
    if (column !== undefined) return parquetEntries(file, table, column, label);
  }
  const column = source.text[0] ?? usualImageColumns.find((name) => table.columnIndex(name) !== undefined);
  if (column === undefined) {
    throw new InputError(
      `\`text\` is needed: the name of the column of ${file} that has the images' paths (found: ${table.columns.join(", ")})`,
    );
  }
  const folder = source.format === "rows" ? "" : dirname(file);
  return table.rows.map((row) => {
    const path = requireField(table, row, column);
    const place = isAbsolute(path) ? path : join(folder, path);
    return imageFile(place, { line: row.line, ...labelOf(table, row, label) });
  });
}

function parquetEntries(file: string, table: Table, column: string, label: string | undefined): ImageEntry[] {
  const read = parquetImages(file, column);
  return table.rows.map((row, index) => ({
    text: `${file}, row ${index + 1}`,
    line: row.line,
    ...labelOf(table, row, label),
    read: () => read(index),
  }));
}

function labelOf(table: Table, row: Table["rows"][number], column: string | undefined): { readonly label?: string } {
  const label = column === undefined ? undefined : tidyLabel(textOf(table, row, column) ?? "");
  return label === undefined || isMissingLabel(label) ? {} : { label };
}

async function isFolder({ file, format }: DataSource): Promise<boolean> {
  if (format === "rows") return false;
  const found = await stat(file).catch(() => undefined);
  return found?.isDirectory() === true;
}
