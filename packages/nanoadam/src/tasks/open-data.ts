import { type DataSource, type DataSourceOptions, openDataSource, type Row } from "../data/source.js";
import { chooseColumns } from "./choose-columns.js";
import { requireFittingColumns } from "./columns.js";
import type { TaskKind } from "./task.js";

/**
 * Data for a task. Columns that are not named are chosen where it is clear which are meant, and a note says so.
 * @param option the option that gives the data
 * @throws InputError where a task cannot have such columns, or it is not clear which ones are meant.
 */
export async function openTaskData(
  kind: TaskKind,
  data: string | Iterable<Row>,
  option: string,
  options: DataSourceOptions,
): Promise<DataSource> {
  const { nestedColumns: nested } = kind;
  const source = await openDataSource(data, option, { ...options, nested });
  requireFittingColumns(kind, source);
  const isNamed = source.text.length > 0 && (source.label !== undefined || !kind.needsLabel);
  if (isNamed || kind.usualColumns === undefined) return source;
  const choose = kind.chooseColumns ?? ((table, named) => chooseColumns(kind, table, named));
  const { text, label, note } = choose(await source.table(), source);
  // Of some files only the columns that are known beforehand are read to the end.
  const isReadInParts = source.format === ".parquet" && source.limit !== undefined;
  const chosen = isReadInParts ? await openDataSource(data, option, { ...options, nested, text, label }) : source;
  return { ...chosen, text, label, notes: async () => [note, ...(await chosen.notes())] };
}
