import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { parseTable } from "./parse-table.js";
import { requireColumn, requireField, type TableOptions } from "./table.js";

/** The columns and, of each row, the line and the fields. */
function tableOf(text: string, file = "x.csv", options: TableOptions = {}) {
  const { columns, rows, notes } = parseTable(text, file, options);
  return { columns, notes, rows: rows.map((row) => [row.line, ...columns.map((_, place) => row.cell(place))]) };
}

const rowsOf = (...parameters: Parameters<typeof tableOf>) => tableOf(...parameters).rows;

describe("the delimiter of a .csv", () => {
  test("is what the header has most of, outside of quotes", () => {
    expect(rowsOf("text;label\nwarm, kind;pos\n")).toEqual([[2, "warm, kind", "pos"]]);
    expect(rowsOf("text\tlabel\nwarm, kind\tpos\n")).toEqual([[2, "warm, kind", "pos"]]);
    expect(rowsOf("text|label\nwarm, kind|pos\n")).toEqual([[2, "warm, kind", "pos"]]);
    expect(tableOf('"Review; full, all";label\na;b\n').columns).toEqual(["Review; full, all", "label"]);
    expect(tableOf('\n"Review; full; all",label\na,b\n').columns).toEqual(["Review; full; all", "label"]);
    expect(tableOf("text\na;b\n").rows).toEqual([[2, "a;b"]]);
  });

  test("is what is asked for, or what a line `sep=` says", () => {
    expect(rowsOf("a;b,c\n1;2,3\n", "x.csv", { delimiter: "," })).toEqual([[2, "1;2", "3"]]);
    expect(rowsOf("sep=;\r\na,b;c\r\n1,2;3\r\n")).toEqual([[3, "1,2", "3"]]);
  });

  test("that is none of them is told by the number of fields", async () => {
    await expectRefusal(() => tableOf("text:label\na,b:c\n"), "x.csv, line 2: 2 fields, expected 1", 'no ","');
  });
});

describe("quotes in a .tsv", () => {
  test("are those of a spreadsheet where a field with a comma stands in them", () => {
    const text = 'text\tlabel\n"It was warm, kind"\tpos\nPlain\tneg\n"They said ""never"""\tneg\n';
    expect(rowsOf(text, "x.tsv")).toEqual([
      [2, "It was warm, kind", "pos"],
      [3, "Plain", "neg"],
      [4, 'They said "never"', "neg"],
    ]);
  });

  test("are plain characters where one stands alone, whatever else there is", () => {
    const text = 'text\tlabel\n"It was warm, kind"\tpos\na 5" disk\tneg\n';
    expect(rowsOf(text, "x.tsv")).toEqual([
      [2, '"It was warm, kind"', "pos"],
      [3, 'a 5" disk', "neg"],
    ]);
  });
});

describe("rows that repeat the header", () => {
  test("are left out, and noted", () => {
    const { rows, notes } = tableOf('a,b\n1,2\na,b\n3,4\n\n"a","b"\n\uFEFFa,b\n5,6\n');
    expect(rows).toEqual([
      [2, "1", "2"],
      [4, "3", "4"],
      [8, "5", "6"],
    ]);
    expect(notes).toEqual(["3 rows repeat the header (first: line 3) and were left out"]);
    expect(tableOf("a\tb\n1\t2\na\tb\n", "x.tsv").notes).toEqual([
      "1 row repeats the header (line 3) and was left out",
    ]);
  });

  test("are rows where only a part is alike, and where there is one column, which may hold any text", () => {
    expect(tableOf("a,b\na,c\n")).toMatchObject({ notes: [], rows: [[2, "a", "c"]] });
    expect(tableOf("text\ntext\n")).toMatchObject({ notes: [], rows: [[2, "text"]] });
  });
});

describe("lines", () => {
  test("may end in CR alone, or in all ways at once", () => {
    const expected = [
      [2, "a", "1"],
      [3, "b\r\nc", "2"],
      [5, "d", "3"],
    ];
    expect(rowsOf('text,label\ra,1\r"b\r\nc",2\rd,3\r')).toEqual(expected);
    expect(rowsOf('text,label\r\na,1\n"b\r\nc",2\rd,3\r\n')).toEqual(expected);
    expect(rowsOf("text\tlabel\ra\t1\rb\t2", "x.tsv")).toEqual([
      [2, "a", "1"],
      [3, "b", "2"],
    ]);
  });

  test("hold a CR as any other character where the rows are whole only so", () => {
    expect(rowsOf("text,label\none\rtwo,1\n")).toEqual([[2, "one\rtwo", "1"]]);
    expect(rowsOf("text\tlabel\none\rtwo\t1\r\n", "x.tsv")).toEqual([[2, "one\rtwo", "1"]]);
  });

  test("that are blank are empty texts where that is asked for and there is one column", () => {
    const text = "text\na\n\n   \nb\n\n";
    expect(rowsOf(text).map(([line]) => line)).toEqual([2, 4, 5]);
    expect(rowsOf(text, "x.csv", { blankLines: true })).toEqual([
      [2, "a"],
      [3, ""],
      [4, "   "],
      [5, "b"],
      [6, ""],
    ]);
    expect(rowsOf("a,b\n1,2\n\n", "x.csv", { blankLines: true })).toEqual([[2, "1", "2"]]);
    expect(rowsOf("a\n\n \nb", "x.txt", { blankLines: true })).toEqual([
      [1, "a"],
      [2, ""],
      [3, " "],
      [4, "b"],
    ]);
  });
});

test("columns without a name, or with one that comes twice, matter only where they are asked for", async () => {
  const table = parseTable("v1,v2,,,note,note\nham,hello,,,x,y\n", "x.csv");
  const [row] = table.rows;
  if (row === undefined) throw new Error("a row expected");
  expect(requireField(table, row, requireColumn(table, "v2"))).toBe("hello");
  await expectRefusal(() => requireColumn(table, "note"), 'x.csv has two columns named "note"');
});

test("a hundred thousand columns are read at once, and named in one short line", async () => {
  const line = (content: (place: number) => string) => Array.from({ length: 100_000 }, (_, i) => content(i)).join(",");
  const table = parseTable(`${line((i) => `c${i}`)}\n${line(String)}\n`, "x.csv");
  expect(table.rows[0]?.cell(99_999)).toBe("99999");
  await expectRefusal(() => requireColumn(table, "label"), /^.{1,200}$/, "and 99992 more");
  await expectRefusal(() => parseTable("a,".repeat(1_000_001), "x.csv"), "line 1: more than 1000000 fields");
});

test("what a program writes is read back, whatever separates fields and ends lines", () => {
  const field = fc.string({ unit: fc.constantFrom("a", '"', ",", ";", "\t", "|", "\n", "\r\n", " ", "é") });
  const rows = fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(rows, fc.constantFrom(",", ";", "\t", "|"), fc.constantFrom("\n", "\r\n", "\r"), (given, by, end) => {
      const quote = (text: string) =>
        /[",;|\t\r\n]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text;
      const text = [["p", "q"], ...given].map((row) => `${row.map(quote).join(by)}${end}`).join("");
      const kept = given.filter(([p, q]) => p !== "p" || q !== "q");
      expect(rowsOf(text).map(([, ...fields]) => fields)).toEqual(kept);
    }),
  );
});
