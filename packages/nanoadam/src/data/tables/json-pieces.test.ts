import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJsonPieces } from "./json-pieces.js";
import { parseTable } from "./parse-table.js";
import type { Table } from "./table.js";

const contentOf = ({ columns, rows, notes }: Table) => ({
  columns,
  notes,
  rows: rows.map((row) => [row.line, ...columns.map((_, place) => row.cell(place))]),
});

async function* cut(text: string, bytesOfPiece: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let start = 0; start < bytes.length; start += bytesOfPiece) yield bytes.slice(start, start + bytesOfPiece);
}

const inPieces = (text: string, file: string, bytesOfPiece = 8) => readJsonPieces(cut(text, bytesOfPiece), file, {});

const rows = fc.array(fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), {
  minLength: 1,
  maxLength: 6,
});
const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

describe("in pieces of any size rows are what they are in the whole text, with their lines", () => {
  test("of a list", async () => {
    await fc.assert(
      fc.asyncProperty(rows, blank, fc.boolean(), fc.integer({ min: 1, max: 90 }), async (list, gap, isWide, size) => {
        const elements = list.map((row) => JSON.stringify(row, undefined, isWide ? 2 : undefined));
        const text = `${gap}[${gap}${elements.join(`${gap},${gap}`)}${gap}]${gap}`;
        const table = await inPieces(text, "rows.json", gap.length + size);
        // The first piece shows a form, or none.
        if (table !== undefined) expect(contentOf(table)).toEqual(contentOf(parseTable(text, "rows.json")));
        else expect(size < 3).toBe(true);
      }),
    );
  });

  test("of lines", async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom("\n", "\r\n", "\n\n"),
        fc.integer({ min: 1, max: 90 }),
        async (list, end, size) => {
          const text = `${list.map((row) => JSON.stringify(row)).join(end)}${end}`;
          const first = new TextEncoder().encode(JSON.stringify(list[0])).length;
          const table = await inPieces(text, "rows.jsonl", first + size);
          expect(table && contentOf(table)).toEqual(contentOf(parseTable(text, "rows.jsonl")));
        },
      ),
    );
  });
});

test.each([
  ["an object of columns", '{"a": [1, 2]}', "a.json"],
  ["one object", '{"a": 1}\n', "a.json"],
  ["a list under a key", '{"data": [{"a": 1}]}', "a.json"],
  ["no list of objects", "[1, 2]", "a.json"],
  ["an empty list", "[]", "a.json"],
  ["a list on one of the lines", '[{"a": 1}]\n[{"a": 2}]', "a.json"],
  ["a comma at the end", '[{"a": 1},]', "a.json"],
  ["a comma at the beginning", '[,{"a": 1}]', "a.json"],
  ["two commas", '[{"a": 1},,{"a": 2}]', "a.json"],
  ["no comma", '[{"a": 1} {"a": 2}]', "a.json"],
  ["a list that is cut off", '[{"a": 1},\n{"a": 2}', "a.json"],
  ["something after the list", '[{"a": 1}] x', "a.json"],
  ["a fault on a line", '{"a": 1}\n{"a": }\n', "a.jsonl"],
  ["a number on a line", '{"a": 1}\n2\n', "a.jsonl"],
])("%s is left to the parser of the whole", async (_, text, file) => {
  for (const size of [1, 3, 8, 1000]) expect(await inPieces(text, file, size)).toBeUndefined();
});

test("what is not UTF-8 is left to it too", async () => {
  const pieces = (async function* () {
    yield Uint8Array.from([...new TextEncoder().encode('[{"a": "'), 0xff, 0x22, 0x7d, 0x5d]);
  })();
  expect(await readJsonPieces(pieces, "a.json", {})).toBeUndefined();
});
