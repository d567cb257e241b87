import { InputError } from "../../errors.js";
import { stringEnd } from "../../files/json-keys.js";
import { isObject } from "../../files/json-value.js";
import type { Table, TableRow } from "./table.js";

/** A row as JSON has it, and the line on which it begins. */
export interface JsonRow {
  readonly line: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * The objects of a file: one per line in .jsonl and .ndjson, a list of them in .json, or there too, as often found, one per
 * line. Throws InputError with the line for anything else.
 */
export function parseJsonRows(text: string, file: string): JsonRow[] {
  const isList = /\.json$/i.test(file) && !text.trimStart().startsWith("{");
  return (isList ? parseList(text, file) : parseLines(text, file)).map(({ line, value }) => {
    if (isObject(value)) return { line, values: value };
    throw new InputError(`${file}, line ${line} holds ${JSON.stringify(value).slice(0, 40)}, expected an object.`);
  });
}

/** Rows as a table: columns are all keys in order of appearance, fields what is text, a number or a boolean. */
export function tableOfJson(rows: readonly JsonRow[]): Pick<Table, "columns" | "rows"> {
  const columns = new Set<string>();
  const tableRows = rows.map(({ line, values }): TableRow => {
    const fields: [string, string][] = [];
    for (const [column, value] of Object.entries(values)) {
      columns.add(column);
      const field = fieldOfJson(value);
      if (field !== undefined) fields.push([column, field]);
    }
    return { line, fields: Object.fromEntries(fields) };
  });
  return { columns: [...columns], rows: tableRows };
}

/** Text, a number or a boolean as text; undefined for anything else. */
export function fieldOfJson(value: unknown): string | undefined {
  const isField = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isField ? String(value) : undefined;
}

/** One value per line; blank lines are skipped. */
function parseLines(text: string, file: string): Item[] {
  const items: Item[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    items.push({ line: index + 1, value: parseItem(line, index + 1, file, "an object on each line") });
  }
  return items;
}

/** The values of a JSON list, with the lines on which they begin. */
function parseList(text: string, file: string): Item[] {
  const pieces = arrayElements(text);
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    for (const { line, json } of pieces) parseItem(json, line, file, "a list of objects");
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`${file} is not valid JSON, expected a list of objects: ${reason}.`);
  }
  if (!Array.isArray(values)) throw new InputError(`${file} holds no list, expected a JSON list of objects.`);
  return values.map((value: unknown, index) => ({ line: pieces[index]?.line ?? 1, value }));
}

interface Item {
  readonly line: number;
  readonly value: unknown;
}

function parseItem(json: string, line: number, file: string, expected: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`${file}, line ${line} is not valid JSON, expected ${expected}: ${reason}.`);
  }
}

/** The texts of a list's elements and the lines on which they begin; for damaged JSON as far as they can be told apart. */
function arrayElements(text: string): { line: number; json: string }[] {
  const elements: { line: number; json: string }[] = [];
  let depth = 0;
  let line = 1;
  let start = -1;
  let startLine = 1;
  const finish = (end: number) => {
    if (start >= 0) elements.push({ line: startLine, json: text.slice(start, end) });
    start = -1;
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === "\n") line++;
    if (/\s/.test(character)) continue;
    if (depth === 1 && (character === "," || character === "]")) finish(i);
    else if (depth >= 1 && start < 0) {
      start = i;
      startLine = line;
    }
    if (character === '"') i = stringEnd(text, i) - 1;
    else if (character === "[" || character === "{") depth++;
    else if (character === "]" || character === "}") depth--;
  }
  finish(text.length);
  return elements;
}
