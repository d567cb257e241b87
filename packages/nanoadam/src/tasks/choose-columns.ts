/** Which columns of data are the text and the label, where nobody has named them. */
import { labelKey } from "../data/label-spelling.js";
import { listedColumns, type Table, textOf } from "../data/tables/table.js";
import { InputError } from "../errors.js";
import type { ChosenColumns, NamedColumns, TaskKind } from "./task.js";

/**
 * The columns that a task's data have text and label in: those that are named; of the others those of usual names; or, of two
 * columns, the one that is left, or the one with the longer texts and the other.
 * @throws InputError where it is not clear which are meant, with the columns that there are.
 */
export function chooseColumns(kind: TaskKind, table: Table, named: NamedColumns): ChosenColumns {
  const isTextNamed = named.text.length > 0;
  const isLabelNamed = !kind.needsLabel || named.label !== undefined;
  let text = isTextNamed ? named.text : listOf(chooseText(kind, table, named.label));
  let label = isLabelNamed ? named.label : listOf(chooseLabel(kind, table, text));
  if (text === undefined && label === undefined && !isLabelNamed) [text, label] = chooseByLength(table);
  const unknown = [...(text === undefined ? ["text"] : []), ...(label === undefined && !isLabelNamed ? ["label"] : [])];
  if (text === undefined || unknown.length > 0) throw new InputError(unclear(unknown, table));
  const taken = [
    ...(isTextNamed ? [] : [[text, "text"] as const]),
    ...(isLabelNamed || label === undefined ? [] : [[label, "label"] as const]),
  ].map(([columns, role]) => `"${columns.join('", "')}" is taken as the ${role}`);
  return { text, label, note: `${table.file}: ${taken.join(" and ")}` };
}

/**
 * The column of text, for data whose labels nobody asks for.
 * @throws InputError where it is not clear which it is, with the columns that there are.
 */
export function chooseTextColumn(kind: Pick<TaskKind, "usualColumns">, table: Table): string {
  const column = chooseText(kind, table, undefined);
  if (column === undefined) throw new InputError(unclear(["text"], table));
  return column;
}

/** The column of a usual name; else the only one that is no label. */
function chooseText(
  kind: Pick<TaskKind, "usualColumns">,
  table: Table,
  label: readonly string[] | undefined,
): string | undefined {
  const usual = usualColumn(table, kind.usualColumns?.text ?? []);
  if (usual !== undefined) return usual;
  const labels = label ?? listOf(usualColumn(table, kind.usualColumns?.label ?? [])) ?? [];
  const columns = columnsOf(table);
  const [only, ...others] = columns.filter((column) => !labels.includes(column));
  return columns.length <= 2 && others.length === 0 ? only : undefined;
}

/** The column of a usual name; else, of two columns, the one beside the text. */
function chooseLabel(kind: TaskKind, table: Table, text: readonly string[] | undefined): string | undefined {
  const usual = usualColumn(table, kind.usualColumns?.label ?? []);
  if (usual !== undefined) return usual;
  const columns = columnsOf(table);
  const others = columns.filter((column) => text?.includes(column) === false);
  return columns.length === 2 && others.length === 1 ? others[0] : undefined;
}

/** So much longer than labels are texts, in the mean. */
const clearlyLonger = 1.5;

/** Of two columns the one with longer texts, and the other; nothing where they are much the same. */
function chooseByLength(table: Table): [text?: string[], label?: string[]] {
  const columns = columnsOf(table);
  const [longer, shorter] = columns
    .map((name) => ({ name, length: meanLength(table, name) }))
    .toSorted((a, b) => b.length - a.length);
  if (columns.length !== 2 || longer === undefined || shorter === undefined) return [];
  if (!(longer.length >= clearlyLonger * shorter.length)) return [];
  requireHeader(table, shorter.name);
  return [[longer.name], [shorter.name]];
}

function meanLength(table: Table, column: string): number {
  const lengths = table.rows.map((row) => textOf(table, row, column)?.length ?? 0);
  return lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
}

/** @throws InputError where a column is called as one of its labels: then the first row stands in for the header. */
function requireHeader(table: Table, label: string): void {
  const isLabel = table.rows.some((row) => labelKey(textOf(table, row, label) ?? "") === labelKey(label));
  if (!isLabel) return;
  throw new InputError(
    `the first line of ${table.file} looks like a row and not like names of columns, as "${label}" is a label further down; put a line such as text,label before it, or name the columns by \`text\` and \`label\``,
  );
}

/** The column that has the first of some names, else the only one that has one of the others; case does not matter. */
function usualColumn(table: Table, [plainest, ...others]: readonly string[]): string | undefined {
  const called = (names: readonly (string | undefined)[]) =>
    columnsOf(table).filter((column) => names.includes(column.trim().toLowerCase()));
  const plain = called([plainest]);
  const found = plain.length > 0 ? plain : called(others);
  return found.length === 1 ? found[0] : undefined;
}

/** The columns that have a name; what programs write as an index has none. */
function columnsOf({ columns }: Table): string[] {
  return columns.filter((column) => column.trim() !== "");
}

function listOf(column: string | undefined): string[] | undefined {
  return column === undefined ? undefined : [column];
}

function unclear(options: readonly string[], table: Table): string {
  const needed = options.map((option) => `\`${option}\``).join(" and ");
  const verb = options.length > 1 ? "are" : "is";
  return `${needed} ${verb} needed, as the names of the columns of ${table.file} do not tell: ${listedColumns(table.columns)}`;
}
