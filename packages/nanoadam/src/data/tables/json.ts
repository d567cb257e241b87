import { InputError } from "../../errors.js";
import { stringEnd } from "../../files/json-keys.js";
import { isObject } from "../../files/json-value.js";
import type { Table, TableRow } from "./table.js";

/**
 * Parses one JSON object per line; blank lines are skipped. Columns are all keys in order of appearance. Throws
 * InputError with the line for anything else.
 */
export function parseJsonLines(text: string, file: string): Pick<Table, "columns" | "rows"> {
  const items: Item[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    items.push({ line: index + 1, value: parseItem(line, index + 1, file, "an object on each line") });
  }
  return toTable(items, file);
}

/** Parses a JSON list of objects; a row's line is the one on which its object begins. */
export function parseJsonArray(text: string, file: string): Pick<Table, "columns" | "rows"> {
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
  return toTable(
    values.map((value: unknown, index) => ({ line: pieces[index]?.line ?? 1, value })),
    file,
  );
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

function toTable(items: readonly Item[], file: string): Pick<Table, "columns" | "rows"> {
  const columns = new Set<string>();
  const rows: TableRow[] = [];
  for (const { line, value } of items) {
    if (!isObject(value)) {
      throw new InputError(`${file}, line ${line} holds ${JSON.stringify(value).slice(0, 40)}, expected an object.`);
    }
    const fields: [string, string][] = [];
    for (const [column, field] of Object.entries(value)) {
      columns.add(column);
      if (typeof field === "string" || typeof field === "number" || typeof field === "boolean") {
        fields.push([column, String(field)]);
      }
    }
    rows.push({ line, fields: Object.fromEntries(fields) });
  }
  return { columns: [...columns], rows };
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
