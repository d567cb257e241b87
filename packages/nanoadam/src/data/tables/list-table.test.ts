import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { listOf, parseListTable, requireList } from "./list-table.js";
import { parseTable } from "./parse-table.js";

describe("rows with lists", () => {
  test("have JSON's lists of texts, numbers and booleans beside their fields", () => {
    const rows = [{ tokens: ["EU", "rejects"], ner_tags: [3, 0], id: 7, nested: [["a"]], none: null }, { tokens: [] }];
    const text = rows.map((row) => JSON.stringify(row)).join("\n\n");
    const table = parseListTable(text, "x.jsonl");
    expect(table.columns).toEqual(["tokens", "ner_tags", "id", "nested", "none"]);
    expect(table.rows).toEqual([
      { line: 1, fields: { id: "7" }, lists: { tokens: ["EU", "rejects"], ner_tags: ["3", "0"] } },
      { line: 3, fields: {}, lists: { tokens: [] } },
    ]);
  });

  test("are as well in a list of objects, and none where a file knows no lists", () => {
    expect(parseListTable('[\n {"a": ["x"]},\n {"a": "y"}\n]', "x.json").rows).toEqual([
      { line: 2, fields: {}, lists: { a: ["x"] } },
      { line: 3, fields: { a: "y" }, lists: {} },
    ]);
    expect(parseListTable("a,b\n1,2\n", "x.csv").rows).toEqual([{ line: 2, fields: { a: "1", b: "2" }, lists: {} }]);
  });

  test("are asked for by column, and refused with file and line where there is no list", async () => {
    const table = parseListTable('{"a": ["x"], "b": [null]}\n{"a": "y"}', "x.jsonl");
    const [first, second] = table.rows;
    if (first === undefined || second === undefined) throw new Error("two rows expected");
    expect(requireList(table, first, "a")).toEqual(["x"]);
    expect(listOf(first, "toString")).toBeUndefined();
    await expectRefusal(() => requireList(table, first, "b"), 'x.jsonl, line 1: the field "b" is missing or no list');
    await expectRefusal(() => requireList(table, second, "a"), "x.jsonl, line 2");
    await expectRefusal(() => parseListTable("[]", "x.json"), "x.json has no rows");
  });

  test("are else those of the table without lists", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    const row = fc.dictionary(fc.stringMatching(/^[a-d]$/), value);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), fc.boolean(), (rows, asList) => {
        const file = asList ? "x.json" : "x.jsonl";
        const text = asList ? JSON.stringify(rows) : rows.map((each) => JSON.stringify(each)).join("\n");
        const table = parseListTable(text, file);
        const withoutLists = table.rows.map(({ line, fields }) => ({ line, fields }));
        expect({ ...table, rows: withoutLists }).toEqual(parseTable(text, file));
        const lists = rows.map((each) => Object.fromEntries(Object.entries(each).filter(([, v]) => Array.isArray(v))));
        expect(table.rows.map((each) => each.lists)).toEqual(lists);
      }),
    );
  });
});
