import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { type ExampleColumns, labelMapOfTable, readExamples } from "./examples.js";
import { buildLabelMap, type LabelMap, regressionLabel } from "./labels.js";
import { parseTable } from "./tables/parse-table.js";
import type { Table } from "./tables/table.js";

const pairs = parseTable("a\tb\tlabel\tscore\none\ttwo\tyes\t1.5\nthree\tfour\tno\t2\nfive\tsix\tyes\tbad\n", "p.tsv");

/** Examples of one class each, by the classes of the whole column unless told. */
function classified(table: Table, columns: ExampleColumns, labels?: LabelMap) {
  const known = labels ?? labelMapOfTable(table, columns.label ?? "");
  return readExamples(table, columns, known.id.bind(known));
}

const noLabel = (): never => {
  throw new Error("no label is asked for");
};

describe("examples", () => {
  test("have a text and a class id", () => {
    expect(classified(pairs, { text: ["a"], label: "label" })).toEqual([
      { text: "one", label: 1 },
      { text: "three", label: 0 },
      { text: "five", label: 1 },
    ]);
  });

  test("or a pair of texts and a number; the limit takes the first rows", () => {
    expect(readExamples(pairs, { text: ["b", "a"], label: "score", limit: 2 }, regressionLabel)).toEqual([
      { text: "two", textPair: "one", label: 1.5 },
      { text: "four", textPair: "three", label: 2 },
    ]);
  });

  test("or no label, for prediction", () => {
    const [first] = readExamples(pairs, { text: ["a"] }, noLabel);
    expect(first).toEqual({ text: "one" });
  });

  test("with a limit the classes are still those of the whole column", () => {
    expect(classified(pairs, { text: ["a"], label: "label", limit: 1 })).toEqual([{ text: "one", label: 1 }]);
  });

  test("have the label that is parsed from the row's field, its file and its line", () => {
    const seen: [string, string, number][] = [];
    const parseLabel = (...label: [string, string, number]) => seen.push(label);
    const examples = readExamples(pairs, { text: ["a"], label: "score" }, parseLabel);
    expect(seen).toEqual([
      ["1.5", "p.tsv", 2],
      ["2", "p.tsv", 3],
      ["bad", "p.tsv", 4],
    ]);
    expect(examples.map(({ label }) => label)).toEqual([1, 2, 3]);
  });
});

describe("refused", () => {
  test("columns that are not there", () => {
    const read = () => readExamples(pairs, { text: ["a", "c"] }, noLabel);
    expect(read).toThrow(InputError);
    expect(read).toThrow('p.tsv has no column "c"; its columns are "a", "b", "label", "score".');
    expect(() => readExamples(pairs, { text: ["a"], label: "y" }, regressionLabel)).toThrow(/column "y"/);
    expect(() => labelMapOfTable(pairs, "y")).toThrow(
      'p.tsv has no column "y"; its columns are "a", "b", "label", "score".',
    );
  });

  test("an unknown class, and a number that is none", () => {
    const labels = buildLabelMap(["yes", "maybe"]);
    expect(() => classified(pairs, { text: ["a"], label: "label" }, labels)).toThrow(
      /p\.tsv, line 3: the label "no" is unknown, expected one of "maybe", "yes"/,
    );
    expect(() => readExamples(pairs, { text: ["a"], label: "score" }, regressionLabel)).toThrow(
      /p\.tsv, line 4: the label "bad" is not a finite number/,
    );
  });

  test("a row without text", () => {
    const table = parseTable('{"text":"a"}\n{"text":["a","b"]}', "p.jsonl");
    expect(() => readExamples(table, { text: ["text"] }, noLabel)).toThrow(
      /p\.jsonl, line 2: the field "text" is missing or no text/,
    );
  });
});
