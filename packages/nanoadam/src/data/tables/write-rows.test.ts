import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { parseTable } from "./parse-table.js";
import { freeColumn, rowFormatOf, SpelledNumber } from "./write-rows.js";

/** A file of rows, as it is written. */
function written(file: string, columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const format = rowFormatOf(file);
  return format.header(columns) + rows.map((row) => format.row(columns, row)).join("");
}

describe.each(["out.csv", "out.tsv", "out.jsonl"])("%s", (file) => {
  // A row of one blank field alone is no row of a CSV file; predictions are never alone.
  const texts = fc.array(
    fc.tuple(fc.string(), fc.string(), fc.constantFrom("pos", 'a "quote"', "a\r\nbreak", "tab\t")),
    {
      minLength: 1,
    },
  );

  test("is read as it was written, whatever the texts are", () => {
    fc.assert(
      fc.property(texts, (rows) => {
        const table = parseTable(written(file, ["a", "b", "label"], rows), file);
        expect(table.columns).toEqual(["a", "b", "label"]);
        expect(table.rows.map(({ fields }) => [fields.a, fields.b, fields.label])).toEqual(rows);
      }),
    );
  });
});

test("lists and objects are JSON, fields that a row lacks are empty or left out, numbers stay as they are spelled", () => {
  const columns = ["id", "tags", "more"];
  const rows = [[new SpelledNumber("12345678901234567890"), ["a", "b"], undefined]];
  expect(written("out.jsonl", columns, rows)).toBe('{"id":12345678901234567890,"tags":["a","b"]}\n');
  expect(written("out.csv", columns, rows)).toBe('id,tags,more\n12345678901234567890,"[""a"",""b""]",\n');
});

test("a new column has a name of its own", () => {
  expect(freeColumn("label", ["text"])).toBe("label");
  expect(freeColumn("label", ["text", "label"])).toBe("predicted_label");
  expect(freeColumn("label", ["label", "predicted_label"])).toBe("predicted_label_2");
});

test("another ending is refused", async () => {
  await expectRefusal(async () => rowFormatOf("out.xlsx"), '".xlsx"', "expected one of .csv, .tsv, .jsonl, .ndjson");
});
