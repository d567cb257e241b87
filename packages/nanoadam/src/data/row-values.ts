import { isObject } from "../files/json-value.js";
import type { DataSource } from "./source.js";
import type { Table } from "./tables/table.js";
import { SpelledNumber } from "./tables/write-rows.js";

/** All that a file's rows have, to be written again. */
export interface RowValues {
  readonly columns: readonly string[];
  /** What a row has, in the order of the columns: texts, and of JSON whatever stands there. */
  values(row: number): unknown[];
}

const jsonFile = /\.(jsonl|ndjson|json)(\.gz)?$/i;

/** The rows of a source that is a table. */
export async function rowValuesOf(source: DataSource): Promise<RowValues> {
  const table = await source.table();
  const objects = jsonFile.test(source.file) ? jsonObjects(await source.content(), table) : [];
  return {
    columns: table.columns,
    values(row) {
      const object = objects[row];
      return table.columns.map((column, place) => {
        const cell = table.rows[row]?.cell(place);
        if (object === undefined || !Object.hasOwn(object, column)) return cell;
        const value = object[column];
        return typeof value === "number" && typeof cell === "string" ? new SpelledNumber(cell) : value;
      });
    },
  };
}

/** The objects that JSON rows are, as far as they stand in a list or on lines of their own. */
function jsonObjects(
  content: string,
  { rows }: Pick<Table, "rows">,
): readonly (Readonly<Record<string, unknown>> | undefined)[] {
  const text = content.replace(/^\uFEFF/, "");
  if (text.trimStart().startsWith("[")) {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.length === rows.length ? list.filter(isObject) : [];
  }
  const lines = text.split(/\r\n|\n|\r/);
  return rows.map(({ line }) => {
    try {
      const value: unknown = JSON.parse(lines[line - 1] ?? "");
      return isObject(value) ? value : undefined;
    } catch {
      return undefined;
    }
  });
}
