import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../../testing/refusal.js";
import { parseConll } from "./conll.js";

const columnsOf = (text: string, delimiter?: string) =>
  parseConll(text, "x.conll", delimiter).map((sentence) => sentence.map(({ columns }) => columns.join(" ")));

describe("lines of words", () => {
  test("are sentences between blank lines; -DOCSTART- says nothing", () => {
    const text = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\n\n-DOCSTART- -X- O\nPeter NNP B-PER\n";
    expect(columnsOf(text)).toEqual([["EU NNP B-ORG", "rejects VBZ O"], ["Peter NNP B-PER"]]);
    expect(parseConll(text, "x")[1]?.[0]).toEqual({ line: 8, columns: ["Peter", "NNP", "B-PER"] });
  });

  test("have columns between tabs where the first line has any, else between white space, or what is asked for", () => {
    expect(parseConll("06 12\tO\nx\tB-A\n", "x")[0]?.[0]?.columns).toEqual(["06 12", "O"]);
    expect(parseConll("a   O  \r\nb\tO\r\n", "x")[0]?.map(({ columns }) => columns)).toEqual([
      ["a", "O"],
      ["b", "O"],
    ]);
    expect(parseConll("a b;O\n", "x", ";")[0]?.[0]?.columns).toEqual(["a b", "O"]);
    expect(parseConll("a b\tO\n", "x", "\\t")[0]?.[0]?.columns).toEqual(["a b", "O"]);
  });

  test("are refused where their columns are of another number, and where there are none", async () => {
    await expectRefusal(
      () => parseConll("a X O\nb O\n", "f.conll"),
      "f.conll, line 2: 2 columns, expected 3 as in line 1",
    );
    await expectRefusal(
      () => parseConll("\na O\n\nb\n", "f.conll"),
      "f.conll, line 4: 1 column, expected 2 as in line 2",
    );
    await expectRefusal(() => parseConll("-DOCSTART- O\n\n", "f.conll"), "f.conll has no words");
  });

  test("come back as they were written", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9é#.-]{1,6}$/).filter((text) => !text.startsWith("-DOCSTART-"));
    const sentences = fc.array(fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 5 }), { minLength: 1 });
    const separator = fc.constantFrom(" ", "\t", "  ");
    const end = fc.constantFrom("\n", "\r\n", "\n\n");
    fc.assert(
      fc.property(sentences, separator, end, (given, between, lineEnd) => {
        const text = given
          .map((sentence) => sentence.map((line) => `${line.join(between)}${lineEnd.replace("\n\n", "\n")}`).join(""))
          .join(lineEnd);
        const found = parseConll(text, "x").map((sentence) => sentence.map(({ columns }) => columns));
        expect(found).toEqual(given);
      }),
    );
  });
});
