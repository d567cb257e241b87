/** The rows that a file of JSON has, in any of the forms that programs write. */
import { excerpt, InputError } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import { elementsInSteps, type JsonElement, jsonElements, parsedOrNothing, parseJson } from "./json-text.js";
import { linesOf } from "./lines.js";
import { ObjectRows } from "./object-rows.js";
import { placeOf } from "./place.js";
import { inOneGo, rowsOfStep, type Steps } from "./steps.js";
import type { Table, TableOptions } from "./table.js";

type Values = Readonly<Record<string, unknown>>;

/** A row and the line on which it begins. */
interface JsonRow {
  readonly line: number;
  readonly values: Values;
}

/**
 * The table of a JSON text, in steps: an object on each line, or one value that is
 * - a list of objects;
 * - an object that has such a list under one of its keys, as `{"version": 1, "data": [...]}`;
 * - an object of columns: lists of one length, or, as pandas writes, objects whose keys are row numbers;
 * - an object of rows whose keys are row numbers, or of `columns` and `data`, as pandas writes too;
 * - or any other object, which is one row.
 * What ends in .jsonl or .ndjson has an object on each line if its first line is one.
 * @throws InputError, with the line, for anything else.
 */
export function* parseJsonTable(text: string, file: string, options: TableOptions = {}): Steps<Table> {
  const rows = new ObjectRows(file, options);
  for (const row of yield* jsonRows(text, file)) {
    if (row === undefined || rows.add(row.line, row.values) % rowsOfStep === 0) yield;
  }
  return rows.table();
}

function* jsonRows(text: string, file: string): Steps<Iterable<JsonRow | undefined>> {
  const hasLines = /\.(jsonl|ndjson)(\.gz)?$/i.test(file);
  const first = firstLine(text);
  if (first === undefined) return [];
  if (first.isOnly ? hasLines : isJson(first.text)) return rowsOfLines(text, file);
  const isList = /^\s*\[/.test(text);
  const expected = isList ? "a list of objects" : "an object on each line, or a list of objects";
  if (hasLines && !isList && !isJson(text)) return rowsOfLines(text, file);
  if (isList) return rowsOfLongList(text, file);
  return yield* rowsOfValue(parseWhole(text, file, expected), text, file);
}

/** The value of the text; the error says the line of the element of a list that is at fault. */
function parseWhole(text: string, file: string, expected: string): unknown {
  try {
    return parseJson(text, file, expected);
  } catch (error) {
    for (const key of keysOfLists(text)) {
      for (const { line, start, end } of inOneGo(jsonElements(text, key))) {
        parseJson(text.slice(start, end), placeOf(file, line), expected);
      }
    }
    throw error;
  }
}

/** Keys whose values look like lists, the first few; undefined for a text that is a list itself. */
function keysOfLists(text: string): (string | undefined)[] {
  if (text.trimStart().startsWith("[")) return [undefined];
  const keys = [...text.slice(0, 10_000).matchAll(/"([^"\\]*)"\s*:\s*\[/g)].map(([, key]) => key);
  return [...new Set(keys)].slice(0, 8);
}

/** The first line that is not blank, and whether there is no other. */
function firstLine(text: string): { readonly text: string; readonly isOnly: boolean } | undefined {
  let first: string | undefined;
  for (const line of linesOf(text)) {
    if (line.text.trim() === "") continue;
    if (first !== undefined) return { text: first, isOnly: false };
    first = line.text;
  }
  return first === undefined ? undefined : { text: first, isOnly: true };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function* rowsOfLines(text: string, file: string): Generator<JsonRow> {
  for (const { line, text: json } of linesOf(text)) {
    if (json.trim() === "") continue;
    const value = parseJson(json, placeOf(file, line), "an object on each line");
    yield { line, values: requireObject(value, file, line) };
  }
}

function* rowsOfValue(value: unknown, text: string, file: string): Steps<Iterable<JsonRow | undefined>> {
  if (isObject(value)) return yield* rowsOfObject(value, text, file);
  throw new InputError(`${file} holds no list, expected a JSON list of objects.`);
}

/**
 * The rows of a list, parsed one by one, so that the whole is never in memory as text and as values; undefined now and then, while
 * the text is searched.
 */
function* rowsOfLongList(text: string, file: string): Generator<JsonRow | undefined> {
  const expected = "a list of objects";
  let end = -1;
  for (const element of elementsInSteps(text)) {
    if (element === undefined) {
      yield undefined;
      continue;
    }
    // Before the first stands the bracket, between two a comma: else the parser says what is wrong with the whole.
    const isSeparated = text.slice(Math.max(end, 0), element.start).trim() === (end < 0 ? "[" : ",");
    const value = isSeparated ? parsedOrNothing(text.slice(element.start, element.end)) : undefined;
    if (value === undefined) parseWhole(text, file, expected);
    end = element.end;
    yield { line: element.line, values: requireObject(value, file, element.line) };
  }
  if (end < 0 || text.slice(end).trim() !== "]") parseWhole(text, file, expected);
}

function* rowsOfList(list: readonly unknown[], elements: readonly JsonElement[], file: string): Generator<JsonRow> {
  for (const [index, value] of list.entries()) {
    const line = elements[index]?.line ?? 1;
    yield { line, values: requireObject(value, file, line) };
  }
}

function requireObject(value: unknown, file: string, line: number): Values {
  if (isObject(value)) return value;
  throw new InputError(`${placeOf(file, line)} holds ${describe(value)}, expected an object.`);
}

/** A value in a message. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `"${excerpt(value)}"`;
  return typeof value === "object" || typeof value === "function"
    ? value === null
      ? "null"
      : `a ${typeof value}`
    : String(value);
}

function* rowsOfObject(object: Values, text: string, file: string): Steps<Iterable<JsonRow | undefined>> {
  const { columns, data } = object;
  if (isListOf(columns, (name) => typeof name === "string") && isListOf(data, Array.isArray)) {
    return rowsOfLists(columns as string[], data as unknown[][], file);
  }
  const entries = Object.entries(object);
  const ofRows = entries.filter(([, value]) => isListOf(value, isObject)).map(([key]) => key);
  const [key, another] = ofRows;
  if (another !== undefined) {
    const keys = ofRows.slice(0, 8).map((each) => `"${excerpt(each)}"`);
    throw new InputError(
      `${file} has lists of rows under ${keys.join(", ")}, expected one; write each to a file of its own.`,
    );
  }
  if (key !== undefined) return rowsOfList(object[key] as unknown[], yield* jsonElements(text, key), file);
  if (entries.length > 0 && entries.every(([, value]) => Array.isArray(value))) return rowsOfColumns(object, file);
  const values = Object.values(object);
  if (values.length > 0 && values.every((value) => isObject(value) && hasRowNumbers(value)))
    return rowsOfNumbered(object);
  if (hasRowNumbers(object) && values.every(isObject)) return values.map((row) => ({ line: 1, values: row as Values }));
  return [{ line: 1, values: object }];
}

function isListOf(value: unknown, isEntry: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isEntry);
}

function* rowsOfLists(
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  file: string,
): Generator<JsonRow> {
  for (const [index, row] of rows.entries()) {
    if (row.length !== columns.length) {
      throw new InputError(
        `${file}, row ${index + 1} of "data" has ${row.length} values for ${columns.length} columns.`,
      );
    }
    yield { line: index + 1, values: Object.fromEntries(columns.map((column, place) => [column, row[place]])) };
  }
}

function hasRowNumbers(object: Values): boolean {
  const keys = Object.keys(object);
  return keys.length > 0 && keys.every((key) => /^\d+$/.test(key));
}

function rowsOfColumns(columns: Values, file: string): JsonRow[] {
  const lists = Object.entries(columns) as [string, readonly unknown[]][];
  const [first] = lists;
  const other = lists.find(([, list]) => list.length !== first?.[1].length);
  if (first !== undefined && other !== undefined) {
    throw new InputError(
      `${file} has ${first[1].length} values in the column "${excerpt(first[0])}" and ${other[1].length} in "${excerpt(other[0])}", expected as many in each.`,
    );
  }
  const indices = first?.[1].map((_, index) => index) ?? [];
  return indices.map((index) => ({
    line: index + 1,
    values: Object.fromEntries(lists.map(([column, list]) => [column, list[index]])),
  }));
}

/** Columns whose rows are under their numbers, which need not be in every column. */
function rowsOfNumbered(columns: Values): JsonRow[] {
  const given = Object.entries(columns) as [string, Values][];
  const numbers = new Set(given.flatMap(([, column]) => Object.keys(column)));
  return [...numbers].map((number, index) => ({
    line: index + 1,
    values: Object.fromEntries(given.map(([column, values]) => [column, values[number]])),
  }));
}
