import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMissingLabel, labelKey, labelNames, spellingsOf, tidyLabel } from "./label-spelling.js";

describe("labels are the same", () => {
  test.each([
    ["pos", " pos\u00a0"],
    ["pos", "Pos"],
    ["not  found", "Not found"],
    ["1", "1.0"],
    ["1.5", "1.50"],
    ["+2", "2"],
    ["10", "10.00"],
  ])("%j and %j", (one, other) => expect(labelKey(one)).toBe(labelKey(other)));

  test.each([
    ["01", "1"],
    ["10", "1"],
    ["9007199254740993", "9007199254740992"],
    ["1.0a", "1a"],
    ["-1", "1"],
  ])("%j and %j are not", (one, other) => expect(labelKey(one)).not.toBe(labelKey(other)));

  test("whatever blanks and case they are written with", () => {
    const label = fc.stringMatching(/^[a-z]{1,6}( [a-z]{1,6})?$/);
    fc.assert(fc.property(label, (text) => labelKey(`\t${text.toUpperCase()}  `) === labelKey(text)));
  });
});

test("no label is what is blank or no number; names that people give are", () => {
  expect(["", "  ", "\u00a0", "NaN", "nan", "#N/A", "<NA>"].every(isMissingLabel)).toBe(true);
  expect(["None", "null", "NA", "0", "-"].some(isMissingLabel)).toBe(false);
});

test("a tidy label has single blanks inside and none around", () => {
  expect(tidyLabel("\t very \n good ")).toBe("very good");
});

describe("the names of labels", () => {
  test("are in the spelling that most have; of equally frequent ones, the first by code point", () => {
    expect(labelNames(["Pos", "pos", "pos", "neg"])).toEqual(["neg", "pos"]);
    expect(labelNames(["pos", "Pos", "neg"])).toEqual(["Pos", "neg"]);
    expect(spellingsOf(["b", "B", "b"]).get("b")).toEqual([
      ["b", 2],
      ["B", 1],
    ]);
  });

  test("are in numeric order if all are numbers, whole ones without decimals", () => {
    expect(labelNames(["10.0", "2.0", "0.0", "1"])).toEqual(["0", "1", "2", "10"]);
    expect(labelNames(["1.5", "1.0", "0.5"])).toEqual(["0.5", "1.0", "1.5"]);
    expect(labelNames(["9007199254740993", "9007199254740992", "4"])).toEqual([
      "4",
      "9007199254740992",
      "9007199254740993",
    ]);
  });

  test("are else in code point order, whatever the order of the rows", () => {
    expect(labelNames(["b", "10", "2", "A", "\u{1F600}", "\uFFFD"])).toEqual([
      "10",
      "2",
      "A",
      "b",
      "\uFFFD",
      "\u{1F600}",
    ]);
  });
});
