import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { parseTable } from "./parse-table.js";
import { listOf, requireColumn, requireField, requireList, type TableOptions } from "./table.js";

const rowsOf = (text: string, file: string, options: TableOptions = {}) =>
  parseTable(text, file, options).rows.map((row) => [row.line, row.fields]);

const two = [
  [1, { text: "a", label: "x" }],
  [1, { text: "b", label: "y" }],
];
const [first, second] = [
  { text: "a", label: "x" },
  { text: "b", label: "y" },
];

describe("a .json file may hold", () => {
  test("a list under the only key that has one", () => {
    expect(rowsOf(JSON.stringify({ version: "1", data: [first, second] }), "x.json")).toEqual(two);
    const lines = parseTable(JSON.stringify({ meta: { a: [1] }, data: [first, second] }, null, 1), "x.json").rows;
    expect(lines.map(({ line }) => line)).toEqual([8, 12]);
  });

  test("columns, rows under their numbers, or columns of rows under their numbers, as pandas writes them", () => {
    const numbered = two.map(([, fields], index) => [index + 1, fields]);
    expect(rowsOf('{"text":["a","b"],"label":["x","y"]}', "x.json")).toEqual(numbered);
    expect(rowsOf('{"text":{"0":"a","1":"b"},"label":{"0":"x","1":"y"}}', "x.json")).toEqual(numbered);
    expect(
      rowsOf(
        JSON.stringify({
          columns: ["text", "label"],
          index: [0, 1],
          data: [
            ["a", "x"],
            ["b", "y"],
          ],
        }),
        "x.json",
      ),
    ).toEqual(numbered);
    expect(rowsOf(JSON.stringify({ 0: first, 1: second }), "x.json")).toEqual(two);
  });

  test("one row, or a row on each line", () => {
    expect(rowsOf('{\n"text": "a", "label": "x"}', "x.json")).toEqual([[1, first]]);
    expect(rowsOf('\n{"text":"a","label":"x"}\r{"text":"b","label":"y"}\r\n', "x.json")).toEqual([
      [2, first],
      [3, second],
    ]);
  });

  test("and .jsonl is read by its first line: an object is a row, whatever is in it", () => {
    expect(parseTable('{"tokens":["a","b"],"tags":["O","O"]}', "x.jsonl").rows).toHaveLength(1);
    expect(rowsOf(JSON.stringify([first, second], null, 1), "x.jsonl").map(([, fields]) => fields)).toEqual([
      first,
      second,
    ]);
  });
});

describe("refused", () => {
  const refusals: [string, string, ...(string | RegExp)[]][] = [
    [
      "several lists of rows",
      '{"train":[{"a":1}],"test":[{"a":2}]}',
      'lists of rows under "train", "test", expected one',
    ],
    ["columns of different lengths", '{"a":[1,2],"b":[1]}', '2 values in the column "a" and 1 in "b"'],
    ["an element of a list, with its line", '{"data":[\n{"a":1},\n{"a":]}', "x.json, line 3 is not valid JSON"],
    ["what has no end", '{"data": [', "is not valid JSON, expected an object on each line, or a list of objects"],
    ["a text", '"a"', "x.json holds no list"],
    [
      "lists 20,000 deep",
      `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
      "x.json, line 1 holds a list, expected an object",
    ],
    ["lists 20,000 deep without an end", "[".repeat(20_000), "x.json, line 1 is not valid JSON"],
  ];
  test.each(refusals)("%s", async (_, text, ...says) => {
    await expectRefusal(() => parseTable(text, "x.json"), ...says, /^.{1,300}$/);
  });
});

describe("whole numbers", () => {
  test("keep their digits, whatever they are in", () => {
    const numbers = ["9007199254740992", "9007199254740993", "-12345678901234567890", "7"];
    const lines = numbers.map((number) => `{"id":${number},"list":[${number} , ${number}]}`);
    for (const table of [parseTable(lines.join("\n"), "x.jsonl"), parseTable(`[${lines.join(",\n")}]`, "x.json")]) {
      expect(table.rows.map((row) => row.fields.id)).toEqual(numbers);
      expect(table.rows.map((row) => listOf(table, row, "list")?.[1])).toEqual(numbers);
    }
  });

  test("in texts, and numbers with a part or an exponent, are what they are without them", () => {
    const value = { text: 'id: 12345678901234567, "\\', a: 0.1234567890123456, b: 1e21, deep: { c: [1.5] } };
    const [row] = parseTable(`{"large":12345678901234567,${JSON.stringify(value).slice(1)}`, "x.jsonl").rows;
    expect(row?.fields).toEqual({
      large: "12345678901234567",
      text: value.text,
      a: String(value.a),
      b: String(value.b),
    });
  });
});

describe("paths", () => {
  const text = [
    '{"review":{"body":"a","by":{"name":"x"}},"messages":[{"content":"hi"}],"tags":{"ner":["O","B"]}}',
    '{"review":{"body":"b"},"messages":[]}',
  ].join("\n");

  test("lead into objects and lists", async () => {
    const asked = ["review.body", "messages.0.content", "tags.ner", "review.none"];
    const table = parseTable(text, "x.jsonl", { asked });
    expect(table.columns).toEqual(["review", "messages", "tags", "review.body", "messages.0.content", "tags.ner"]);
    const [one, other] = table.rows;
    if (one === undefined || other === undefined) throw new Error("two rows expected");
    expect(requireField(table, other, "review.body")).toBe("b");
    expect(requireField(table, one, "messages.0.content")).toBe("hi");
    expect(requireList(table, one, "tags.ner")).toEqual(["O", "B"]);
    await expectRefusal(
      () => requireField(table, other, "messages.0.content"),
      'x.jsonl, line 2: the field "messages.0',
    );
    await expectRefusal(() => requireColumn(table, "review.none"), 'x.jsonl has no column "review.none"');
  });

  test("give way to a column of that very name, and keys along them may have dots", () => {
    const rows = '{"a.b":"own","a":{"b":"nested"},"c":{"d.e":{"f":"far"}}}\n{"a":{"b":"nested"}}';
    const table = parseTable(rows, "x.jsonl", { asked: ["a.b", "c.d.e.f"] });
    expect(table.rows.map(({ fields }) => fields)).toEqual([{ "a.b": "own", "c.d.e.f": "far" }, {}]);
  });

  test("end where there is nothing, 20,000 deep too", () => {
    const deep = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
    expect(parseTable(deep, "x.jsonl", { asked: ["a.a.a", "a.b", "toString.name"] }).columns).toEqual(["a"]);
  });
});

describe("lists of texts, numbers and booleans", () => {
  test("are cells beside the fields", async () => {
    const rows = [{ tokens: ["EU", "rejects"], ner_tags: [3, 0], id: 7, nested: [["a"]], none: null }, { tokens: [] }];
    const table = parseTable(rows.map((row) => JSON.stringify(row)).join("\n\n"), "x.jsonl");
    expect(table.columns).toEqual(["tokens", "ner_tags", "id", "nested", "none"]);
    const [one, other] = table.rows;
    if (one === undefined || other === undefined) throw new Error("two rows expected");
    expect([one.fields, other.fields, other.line]).toEqual([{ id: "7" }, {}, 3]);
    expect(requireList(table, one, "ner_tags")).toEqual(["3", "0"]);
    expect(requireList(table, other, "tokens")).toEqual([]);
    expect(listOf(table, one, "toString")).toBeUndefined();
    await expectRefusal(
      () => requireList(table, one, "nested"),
      'x.jsonl, line 1: the field "nested" is missing or no list',
    );
    await expectRefusal(() => requireList(table, one, "id"), 'x.jsonl, line 1: the field "id" is missing or no list');
  });

  test("come back as they were written, in lines and in lists", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    const row = fc.dictionary(fc.stringMatching(/^[a-d]$/), value);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), fc.boolean(), (rows, asList) => {
        const text = asList ? JSON.stringify(rows) : rows.map((each) => JSON.stringify(each)).join("\n");
        const table = parseTable(text, asList ? "x.json" : "x.jsonl");
        const columns = ["a", "b", "c", "d"];
        const cells = table.rows.map((each) => columns.map((column) => each.cell(table.columnIndex(column) ?? -1)));
        const cellOf = (given: unknown) => (Array.isArray(given) ? given : given == null ? undefined : String(given));
        expect(cells).toEqual(rows.map((each) => columns.map((column) => cellOf(each[column]))));
      }),
    );
  });
});
