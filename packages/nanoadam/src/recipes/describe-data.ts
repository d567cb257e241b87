/** What a file of data has in it, for someone who is to choose from it. */
import { readTable } from "../data/tables/read-table.js";
import { textOf } from "../data/tables/table.js";
import { InputError } from "../errors.js";
import { chooseColumns } from "../tasks/choose-columns.js";
import { taskKind } from "../tasks/registry.js";

export interface ColumnDescription {
  readonly name: string;
  /** What the first row has in it. */
  readonly example: string;
  /** How many different values the first rows have. */
  readonly distinct: number;
  readonly areNumbers: boolean;
}

export interface DataDescription {
  readonly rows: number;
  readonly columns: readonly ColumnDescription[];
  /** The columns that are most likely meant; absent where it is not clear. */
  readonly text?: string | undefined;
  readonly label?: string | undefined;
}

/** So many rows tell what a column is. */
const looked = 1000;

/** @throws InputError for a file that cannot be read as data. */
export async function describeData(path: string): Promise<DataDescription> {
  const table = await readTable(path);
  const columns = table.columns
    .filter((name) => name.trim() !== "")
    .map((name): ColumnDescription => {
      const values = table.rows.slice(0, looked).map((row) => textOf(table, row, name) ?? "");
      const distinct = new Set(values).size;
      const areNumbers = values.every((value) => value.trim() !== "" && Number.isFinite(Number(value)));
      return { name, example: values[0] ?? "", distinct, areNumbers };
    });
  try {
    const { text, label } = chooseColumns(taskKind("classification"), table, { text: [] });
    return { rows: table.rows.length, columns, text: text[0], label: label?.[0] };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { rows: table.rows.length, columns };
  }
}
