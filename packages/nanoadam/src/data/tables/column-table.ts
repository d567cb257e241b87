/** A table that is kept column by column: an array of texts a column costs less memory than an object of fields a row. */
import { InputError } from "../../errors.js";
import { LongList } from "./long-list.js";
import type { Cell, Table, TableRow } from "./table.js";

export interface ColumnTableContent {
  readonly file: string;
  readonly columns: readonly string[];
  /** The cells of each column, from the first row on. */
  readonly cells: readonly CellsOfColumn[];
  /** The line of each row. */
  readonly lines: LinesOfRows;
  readonly notes?: readonly string[];
}

/** An array, or a long list. */
interface CellsOfColumn {
  at(row: number): Cell;
}

interface LinesOfRows {
  readonly length: number;
  at(row: number): number | undefined;
}

/** The table of these columns. @throws InputError where there are no rows */
export function columnTable({ file, columns, cells, lines, notes = [] }: ColumnTableContent): Table {
  if (lines.length === 0) throw new InputError(`${file} has no rows.`);
  const places = new Map<string, number>();
  for (const [place, column] of columns.entries()) if (!places.has(column)) places.set(column, place);
  const content: StoredColumns = { columns, cells, lines };
  let rows: readonly TableRow[] | undefined;
  return {
    file,
    columns,
    // Made when they are asked for: by then what the table was read from is gone.
    get rows() {
      rows ??= Array.from({ length: lines.length }, (_, index) => new StoredRow(content, index));
      return rows;
    },
    notes,
    columnIndex: (column) => places.get(column),
  };
}

interface StoredColumns {
  readonly columns: readonly string[];
  readonly cells: readonly CellsOfColumn[];
  readonly lines: LinesOfRows;
}

/** A row as a place in the columns. */
class StoredRow implements TableRow {
  readonly #content: StoredColumns;
  readonly #index: number;

  constructor(content: StoredColumns, index: number) {
    this.#content = content;
    this.#index = index;
  }

  get line(): number {
    return this.#content.lines.at(this.#index) ?? 0;
  }

  get fields(): Readonly<Record<string, string>> {
    const { columns } = this.#content;
    const fields = new Map<string, string>();
    for (const [place, column] of columns.entries()) {
      const cell = this.cell(place);
      if (typeof cell === "string" && !fields.has(column)) fields.set(column, cell);
    }
    return Object.fromEntries(fields);
  }

  cell(column: number): Cell {
    return this.#content.cells[column]?.at(this.#index);
  }
}

const longestShared = 12;
const mostShared = 4096;

/**
 * The cells of one column as they are read. Short texts that come again, as labels do, are kept once: a text cut out of a longer
 * one is a string of its own each time.
 */
export class ColumnOfTexts {
  readonly cells = new LongList<string>();
  readonly #shared = new Map<string, string>();

  add(text: string): void {
    this.cells.push(text.length > longestShared ? text : this.#kept(text));
  }

  #kept(text: string): string {
    const known = this.#shared.get(text);
    if (known !== undefined) return known;
    if (this.#shared.size < mostShared) this.#shared.set(text, text);
    return text;
  }
}
