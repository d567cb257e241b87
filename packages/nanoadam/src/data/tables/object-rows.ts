/** Tables of objects: rows of JSON, of Parquet, or a program's own. */
import { isObject } from "../../files/json-value.js";
import { columnTable } from "./column-table.js";
import { LongList } from "./long-list.js";
import type { Cell, Table, TableOptions } from "./table.js";

/** Rows that are added one by one; columns are all keys in order of appearance. */
export class ObjectRows {
  readonly #file: string;
  readonly #lines = new LongList<number>();
  readonly #columns = new Map<string, LongList<Cell>>();
  /** The columns that are asked for by a path. */
  readonly #paths: ReadonlyMap<string, LongList<Cell>>;

  readonly #nested: ReadonlySet<string>;

  constructor(file: string, { asked = [], nested = [] }: Pick<TableOptions, "asked" | "nested">) {
    this.#file = file;
    this.#nested = new Set(nested);
    this.#paths = new Map(asked.filter((column) => column.includes(".")).map((column) => [column, new LongList()]));
  }

  /** The rows so far. */
  get count(): number {
    return this.#lines.length;
  }

  /** Gives the number of rows so far. */
  add(line: number, values: Readonly<Record<string, unknown>>): number {
    const row = this.#lines.length;
    this.#lines.push(line);
    for (const column of Object.keys(values)) {
      let cells = this.#columns.get(column);
      if (cells === undefined) {
        cells = new LongList();
        this.#columns.set(column, cells);
      }
      cells.set(row, this.#cellOf(column, values[column]));
    }
    for (const [path, cells] of this.#paths) {
      const cell = this.#cellOf(path, valueAt(values, path));
      if (cell !== undefined) cells.set(row, cell);
    }
    return row + 1;
  }

  #cellOf(column: string, value: unknown): Cell {
    const cell = cellOfValue(value);
    const isNested = this.#nested.has(column) && typeof value === "object" && value !== null;
    return isNested && (cell === undefined || Array.isArray(cell)) ? jsonText(value) : cell;
  }

  /** A column whose name has a dot itself is that column, and not what a path would lead to. */
  table(): Table {
    const reached = [...this.#paths].filter(([path, cells]) => cells.length > 0 && !this.#columns.has(path));
    const columns = [...this.#columns, ...reached];
    return columnTable({
      file: this.#file,
      columns: columns.map(([name]) => name),
      cells: columns.map(([, cells]) => cells),
      lines: this.#lines,
    });
  }
}

/** A value as JSON; the whole numbers of Parquet, which may be wider than JSON's, and its bytes of text are as in `textOfValue`. */
function jsonText(value: object): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return Number(part);
    return part instanceof Uint8Array ? textOfBytes(part) : part;
  });
}

/** Text, a number, a boolean, a date or bytes of UTF-8 as text, a list of such as a list of texts; undefined for anything else. */
export function cellOfValue(value: unknown): Cell {
  if (!Array.isArray(value)) return textOfValue(value);
  const texts = value.map(textOfValue).filter((text) => text !== undefined);
  return texts.length === value.length ? texts : undefined;
}

function textOfValue(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return Number.isNaN(value) ? undefined : String(value);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return textOfBytes(value);
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined;
}

function textOfBytes(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What a path such as `review.body` or `messages.0.content` leads to; keys along it may have dots themselves. */
function valueAt(value: unknown, path: string): unknown {
  if (!isObject(value) && !Array.isArray(value)) return undefined;
  if (Object.hasOwn(value, path)) return (value as Readonly<Record<string, unknown>>)[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const key = path.slice(0, dot);
    if (!Object.hasOwn(value, key)) continue;
    const found = valueAt((value as Readonly<Record<string, unknown>>)[key], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
