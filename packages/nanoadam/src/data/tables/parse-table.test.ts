import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../../testing/fixtures.js";
import { InputError } from "../../errors.js";
import { temporaryFolder } from "../../testing/temporary-folder.js";
import { parseTable } from "./parse-table.js";
import { readTable } from "./read-table.js";
import { requireColumn, requireField } from "./table.js";

/** Lines and field values of the rows. */
function rowsOf(text: string, file: string, delimiter?: string): [number, ...string[]][] {
  const table = parseTable(text, file, delimiter === undefined ? {} : { delimiter });
  return table.rows.map((row) => [row.line, ...table.columns.map((column) => row.fields[column] ?? "(absent)")]);
}

describe("CSV", () => {
  test("fields may be quoted, with delimiters, line ends and doubled quotes inside", () => {
    const text = 'text,label\n"a, ""b""\nc",1\n\nplain,0\n';
    expect(rowsOf(text, "x.csv")).toEqual([
      [2, 'a, "b"\nc', "1"],
      [5, "plain", "0"],
    ]);
  });

  test("a byte order mark and CRLF line ends are accepted, and lines are counted right across quoted CRLFs", () => {
    expect(rowsOf('\uFEFFtext,label\r\n"a\r\nb",1\r\nc,0', "x.csv")).toEqual([
      [2, "a\r\nb", "1"],
      [4, "c", "0"],
    ]);
  });

  test("any delimiter", () => {
    expect(rowsOf("a;b\n1,5;2\n", "x.csv", ";")).toEqual([[2, "1,5", "2"]]);
    expect(rowsOf("a\tb\n1,5\t2\n", "x.csv", "\\t")).toEqual([[2, "1,5", "2"]]);
    for (const delimiter of ["", '"', "\n"]) {
      expect(() => parseTable("a\n1\n", "x.csv", { delimiter })).toThrow(/The delimiter is .*, expected text without/);
    }
  });

  test("what a program writes with quotes is read back", () => {
    const field = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r\n", " ", "\t", "é") });
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field), { minLength: 1 }), (rows) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
        for (const [file, delimiter] of [
          ["x.csv", ","],
          ["x.tsv", "\t"],
        ] as const) {
          const text = [["p", "q"], ...rows].map((row) => row.map(quote).join(delimiter)).join("\n");
          expect(rowsOf(text, file).map(([, ...fields]) => fields)).toEqual(rows);
        }
      }),
    );
  });
});

describe("TSV", () => {
  test("quotes are ordinary characters, balanced or not", () => {
    const text = 'sentence\tlabel\n"Oh" he said\t1\n"Quiet\t0\nsays "no\t1\n"All of it"\t0\n';
    expect(rowsOf(text, "x.tsv")).toEqual([
      [2, '"Oh" he said', "1"],
      [3, '"Quiet', "0"],
      [4, 'says "no', "1"],
      [5, '"All of it"', "0"],
    ]);
  });

  test("unless the header is quoted", () => {
    expect(rowsOf('"text"\t"label"\n"a"\t"1"\n', "x.tsv")).toEqual([[2, "a", "1"]]);
  });

  test("or every quoted field needs its quotes", () => {
    expect(rowsOf('text\tlabel\n"a\tb"\t1\n"say ""hi"""\t0\nplain\t1\n', "x.tsv")).toEqual([
      [2, "a\tb", "1"],
      [3, 'say "hi"', "0"],
      [4, "plain", "1"],
    ]);
  });

  test.skipIf(!sharedDataIsPresent)("every GLUE file is read whole (needs shared/data)", async () => {
    const counts = { cola: [8551, 1043], sst2: [67349, 872], rte: [2490, 277], stsb: [5749, 1500] };
    for (const [task, [train, validation]] of Object.entries(counts)) {
      const folder = join(sharedDataFolder, "glue", task);
      const table = await readTable(join(folder, "train.tsv"));
      expect(table.rows).toHaveLength(train as number);
      expect(table.rows.every((row, index) => row.line === index + 2)).toBe(true);
      expect((await readTable(join(folder, "validation.tsv"))).rows).toHaveLength(validation as number);
    }
  });
});

describe("JSON", () => {
  test("an object per line; numbers and booleans become text, null and nested values are absent", () => {
    const text = '{"text":"a","label":1}\n\n{"text":"b","label":true,"extra":null,"list":[1]}\n';
    expect(rowsOf(text, "x.jsonl")).toEqual([
      [1, "a", "1", "(absent)", "(absent)"],
      [3, "b", "true", "(absent)", "(absent)"],
    ]);
  });

  test("a list of objects, with the line on which each begins", () => {
    const text = '[\n  {"text": "}]", "label": 0},\n  {\n "text": "b\\"", "label": 1.5 }\n]';
    expect(rowsOf(text, "x.json")).toEqual([
      [2, "}]", "0"],
      [3, 'b"', "1.5"],
    ]);
  });

  test("a .json file may also hold an object per line", () => {
    expect(rowsOf('{"a":1}\n{"a":2}', "x.json")).toEqual([
      [1, "1"],
      [2, "2"],
    ]);
  });

  test.skipIf(!sharedDataIsPresent)("real files (needs shared/data)", async () => {
    expect((await readTable(join(sharedDataFolder, "imdb", "test.jsonl"))).rows).toHaveLength(1000);
    const piqa = await readTable(join(sharedDataFolder, "commonsense", "piqa", "test.json"));
    expect(piqa.columns).toEqual(["instruction", "input", "output", "answer"]);
  });
});

test("plain text is one column, a row per line that is not blank", () => {
  expect(rowsOf("first\r\n\n second \n", "x.TXT")).toEqual([
    [1, "first"],
    [3, " second "],
  ]);
});

describe("refused, with file and line", () => {
  const refusals: [string, string, string, RegExp][] = [
    [
      "a CSV row with too few fields",
      "x.csv",
      "a,b\n1,2\n3\n",
      /^x\.csv, line 3: 1 field, expected 2 as in the header/,
    ],
    ["a CSV row with too many fields", "x.csv", 'a,b\n"1\n",2\n3,4,5\n', /^x\.csv, line 4: 3 fields, expected 2/],
    [
      "a TSV row with too few fields",
      "x.tsv",
      "a\tb\n1\t2\n3\n",
      /^x\.tsv, line 3: 1 field, expected 2 as in the header/,
    ],
    ["a TSV row with too many fields", "x.tsv", "a\tb\n1\t2\t3\n", /^x\.tsv, line 2: 3 fields, expected 2/],
    ["a quote that is never closed", "x.csv", 'a,b\n\n1,2\n"3,4\n5,6\n', /^x\.csv, .* line 4: a quoted field is never/],
    ["a quote inside a plain field", "x.csv", 'a\n5" disk\n', /^x\.csv, .* line 2: a quote inside a field without/],
    ["text after a closing quote", "x.csv", 'a\n"5" disk\n', /^x\.csv, .* line 2: a quote inside a quoted field/],
    ["a header alone", "x.tsv", "a\tb\n", /^x\.tsv has no rows/],
    ["no header", "x.csv", "\n", /^x\.csv is empty/],
    ["no lines", "x.txt", " \n", /^x\.txt has no rows/],
    ["an empty list", "x.json", "[]", /^x\.json has no rows/],
    ["a line that is not JSON", "x.jsonl", '{"a":1}\n{"a":\n', /^x\.jsonl, line 2 is not valid JSON/],
    ["a line that is no object", "x.ndjson", '{"a":1}\n[1]\n', /^x\.ndjson, line 2 holds a list, expected an object/],
    ["a list with a broken object", "x.json", '[{"a":1},\n{"a":oops}]', /^x\.json, line 2 is not valid JSON/],
    ["a list with no end", "x.json", '[{"a":1}', /^x\.json, line 1 is not valid JSON, expected a list of objects/],
    ["a list of numbers", "x.json", "[\n1]", /^x\.json, line 2 holds 1, expected an object/],
    ["JSON that is no list", "x.json", '"a"', /^x\.json holds no list/],
    ["an unknown ending", "x.parquet", "PAR1", /^x\.parquet: .* is "\.parquet", expected one of \.tsv, \.csv/],
  ];
  for (const [what, file, text, message] of refusals) {
    test(what, () => {
      expect(() => parseTable(text, file)).toThrow(InputError);
      expect(() => parseTable(text, file)).toThrow(message);
    });
  }

  test("a file that is missing, empty, or not UTF-8", async () => {
    const folder = await temporaryFolder();
    await expect(readTable(join(folder, "no.csv"))).rejects.toThrow(/no\.csv could not be read: no such file/);
    await writeFile(join(folder, "empty.csv"), "");
    await expect(readTable(join(folder, "empty.csv"))).rejects.toThrow(/empty\.csv is empty/);
    await writeFile(join(folder, "latin1.csv"), Uint8Array.of(0x61, 0x0a, 0xe9, 0x0a));
    await expect(readTable(join(folder, "latin1.csv"))).rejects.toThrow(
      /latin1\.csv is not UTF-8: byte 0xE9 in line 2/,
    );
  });

  test("a missing column, with those that there are, and a missing field", () => {
    const table = parseTable('{"text":"a"}\n{"label":1,"text":null}', "x.jsonl");
    expect(() => requireColumn(table, "sentence")).toThrow(/x\.jsonl has no column "sentence"; .* "text", "label"/);
    const [, second] = table.rows;
    expect(() => second && requireField(table, second, "text")).toThrow(
      /x\.jsonl, line 2: the field "text" is missing/,
    );
  });

  test("any text at all is a table or an InputError", () => {
    const unit = fc.constantFrom("a", '"', ",", "\n", "\r", "\t", "{", "}", "[", "]", ":", "1", "\\", " ", "\uFEFF");
    const file = fc.constantFrom("x.csv", "x.tsv", "x.jsonl", "x.json", "x.txt");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), file, (text, name) => {
        try {
          const table = parseTable(text, name);
          expect(table.rows.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
