import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { labelMapOfTable, readExamples } from "./examples.js";
import { buildLabelMap } from "./labels.js";
import { parseTable } from "./tables/parse-table.js";

const pairs = parseTable("a\tb\tlabel\tscore\none\ttwo\tyes\t1.5\nthree\tfour\tno\t2\nfive\tsix\tyes\tbad\n", "p.tsv");

describe("examples", () => {
  test("have a text and a class id", () => {
    expect(readExamples(pairs, { textColumns: ["a"], labelColumn: "label", task: "classification" })).toEqual([
      { line: 2, text: "one", label: 1 },
      { line: 3, text: "three", label: 0 },
      { line: 4, text: "five", label: 1 },
    ]);
  });

  test("or a pair of texts and a number; the limit takes the first rows", () => {
    const options = { textColumns: ["b", "a"], labelColumn: "score", task: "regression", limit: 2 } as const;
    expect(readExamples(pairs, options)).toEqual([
      { line: 2, text: "two", textPair: "one", label: 1.5 },
      { line: 3, text: "four", textPair: "three", label: 2 },
    ]);
  });

  test("or no label, for prediction", () => {
    const [first] = readExamples(pairs, { textColumns: ["a"], task: "classification" });
    expect(first).toEqual({ line: 2, text: "one" });
  });

  test("with a limit the classes are still those of the whole column", () => {
    const options = { textColumns: ["a"], labelColumn: "label", task: "classification", limit: 1 } as const;
    expect(readExamples(pairs, options)).toEqual([{ line: 2, text: "one", label: 1 }]);
  });
});

describe("refused", () => {
  test("columns that are not there", () => {
    const read = () => readExamples(pairs, { textColumns: ["a", "c"], task: "regression" });
    expect(read).toThrow(InputError);
    expect(read).toThrow('p.tsv has no column "c"; its columns are "a", "b", "label", "score".');
    expect(() => readExamples(pairs, { textColumns: ["a"], labelColumn: "y", task: "regression" })).toThrow(
      /column "y"/,
    );
    expect(() => labelMapOfTable(pairs, "y")).toThrow(
      'p.tsv has no column "y"; its columns are "a", "b", "label", "score".',
    );
  });

  test("an unknown class, and a number that is none", () => {
    const labels = buildLabelMap(["yes", "maybe"]);
    expect(() =>
      readExamples(pairs, { textColumns: ["a"], labelColumn: "label", task: "classification", labels }),
    ).toThrow(/p\.tsv, line 3: the label "no" is unknown, expected one of "maybe", "yes"/);
    expect(() => readExamples(pairs, { textColumns: ["a"], labelColumn: "score", task: "regression" })).toThrow(
      /p\.tsv, line 4: the label "bad" is not a finite number/,
    );
  });

  test("a row without text", () => {
    const table = parseTable('{"text":"a"}\n{"text":["a","b"]}', "p.jsonl");
    expect(() => readExamples(table, { textColumns: ["text"], task: "classification" })).toThrow(
      /p\.jsonl, line 2: the field "text" is missing or no text/,
    );
  });
});
