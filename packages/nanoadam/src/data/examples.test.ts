import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { tableSource } from "../testing/number-texts.js";
import { readExamples, readLabelColumn, readLabelled, spellingNotes } from "./examples.js";
import { parseTable } from "./tables/parse-table.js";

const pairs = parseTable("a\tb\tlabel\nA cat.\tA dog.\tyes\nSun.\tRain.\tno\n", "p.tsv");

describe("texts", () => {
  test("of one column or two, with their lines", () => {
    expect(readExamples(pairs, { text: ["a"] })).toEqual([
      { text: "A cat.", line: 2 },
      { text: "Sun.", line: 3 },
    ]);
    expect(readExamples(pairs, { text: ["a", "b"], limit: 1 })).toEqual([
      { text: "A cat.", textPair: "A dog.", line: 2 },
    ]);
  });

  test("of a column that is not there, or a row without text, are refused", () => {
    const read = () => readExamples(pairs, { text: ["a", "c"] });
    expect(read).toThrow(InputError);
    expect(read).toThrow('p.tsv has no column "c"; its columns are "a", "b", "label".');
    const table = parseTable('{"text":"a"}\n{"text":["a","b"]}', "p.jsonl");
    expect(() => readExamples(table, { text: ["text"] })).toThrow(
      /p\.jsonl, line 2: the field "text" is missing or no text/,
    );
  });
});

describe("labels", () => {
  test("stand without the blanks around them; rows without one are left out and counted", () => {
    const table = parseTable('text,label\na,pos \nb,\nc,"  "\nd,NaN\ne, neg\n', "x.csv");
    const { rows, notes } = readLabelColumn(table, "label");
    expect(rows.map(({ label, row }) => [label, row.line])).toEqual([
      ["pos", 2],
      ["neg", 6],
    ]);
    expect(notes).toEqual(['x.csv, line 3: the first of 3 rows without "label", which are left out']);
  });

  test("may be null or absent in JSON, which is no label either", () => {
    const table = parseTable('{"text":"a","label":null}\n{"text":"b"}\n{"text":"c","label":1}', "x.jsonl");
    expect(readLabelColumn(table, "label").rows.map(({ label }) => label)).toEqual(["1"]);
    const list = parseTable('{"text":"a","label":["x"]}', "x.jsonl", { asked: ["label"] });
    expect(() => readLabelColumn(list, "label")).toThrow('the field "label" is missing or no text');
  });

  test("called None, null or NA are labels", () => {
    const table = parseTable("text,label\na,None\nb,null\nc,NA\n", "x.csv");
    expect(readLabelColumn(table, "label").rows).toHaveLength(3);
  });

  test("of a column that is not there are refused", () => {
    expect(() => readLabelColumn(pairs, "y")).toThrow('p.tsv has no column "y"; its columns are "a", "b", "label".');
  });

  test("are read with the texts of the same rows, of the first rows where there is a limit", async () => {
    const source = tableSource(["text\tlabel", "a\t", "b\tx", "c\ty"], { label: ["label"], limit: 2 });
    expect(await readLabelled(source)).toEqual({
      examples: [{ source: { text: "b", line: 3 }, label: "x" }],
      notes: ['data.tsv, line 2: the row has no "label" and is left out'],
    });
  });

  test("that are one class in several spellings are told", () => {
    expect(spellingNotes(["pos", "Pos", "pos", "neg"], "x.csv")).toEqual(['x.csv: "Pos" (1) is taken for "pos" (2)']);
    expect(spellingNotes(["1", "1.0", "1.00", "2"], "x.csv")).toEqual([
      'x.csv: "1.0" (1), "1.00" (1) are taken for "1" (1)',
    ]);
    expect(spellingNotes(["a", "b"], "x.csv")).toEqual([]);
  });
});
