import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import {
  buildIdMap,
  buildLabelMap,
  createLabelMap,
  labelMapFromConfig,
  labelMapOfModel,
  labelMapToConfig,
  regressionLabel,
} from "./labels.js";

describe("the classes of a data set", () => {
  test("integer labels are in numeric order, so that the labels 0 to n-1 are their own ids", () => {
    const labels = buildLabelMap(["10", "2", "0", "1", "9", "3", "8", "7", "4", "6", "5", "0"]);
    expect(labels.names).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    expect(labels.id("10", "file", 1)).toBe(10);
    expect(buildLabelMap(["1", "-1"]).names).toEqual(["-1", "1"]);
  });

  test("other labels are in code point order, whatever the order of the rows", () => {
    expect(buildLabelMap(["not_entailment", "entailment", "not_entailment"]).names).toEqual([
      "entailment",
      "not_entailment",
    ]);
    expect(buildLabelMap(["b", "10", "2", "B", "\u{1F600}", "\uFFFD"]).names).toEqual([
      "10",
      "2",
      "B",
      "b",
      "\uFFFD",
      "\u{1F600}",
    ]);
  });

  test("a label that is none of them is refused with file, line and the known labels", () => {
    const labels = buildLabelMap(["yes", "no"]);
    const read = () => labels.id("maybe", "test.tsv", 7);
    expect(read).toThrow(InputError);
    expect(read).toThrow('test.tsv, line 7: the label "maybe" is unknown, expected one of "no", "yes".');
  });

  test("fewer than two classes are refused", () => {
    expect(() => buildLabelMap(["1", "1"], "train.tsv")).toThrow(
      /train\.tsv has only the label "1", expected at least/,
    );
    expect(() => buildLabelMap([], "train.tsv")).toThrow(/train\.tsv has no label/);
  });
});

describe("the names in a checkpoint's config", () => {
  const config = { id2label: { "1": "positive", "0": "negative" }, label2id: { negative: 0, positive: 1 } };

  test("give the ids; ids are accepted as labels too", () => {
    const labels = labelMapFromConfig(config);
    expect(labels?.names).toEqual(["negative", "positive"]);
    expect(labels?.id("positive", "f", 1)).toBe(1);
    expect(labels?.id("0", "f", 1)).toBe(0);
    expect(() => labels?.id("2", "f", 1)).toThrow(/label "2" is unknown/);
    expect(labelMapFromConfig({ label2id: config.label2id })?.names).toEqual(["negative", "positive"]);
  });

  test("where names are integers themselves, a label is always a name", () => {
    const stars = createLabelMap(["1", "2", "3"]);
    expect(stars.id("1", "f", 1)).toBe(0);
    expect(() => stars.id("0", "f", 1)).toThrow(InputError);
  });

  test("placeholders and absent fields give none", () => {
    expect(labelMapFromConfig({ id2label: { 0: "LABEL_0", 1: "LABEL_1" } })).toBeUndefined();
    expect(labelMapFromConfig({ id2label: {} })).toBeUndefined();
    expect(labelMapFromConfig({})).toBeUndefined();
  });

  test("are written as they are read", () => {
    const written = labelMapToConfig(createLabelMap(["negative", "positive"]));
    expect(written).toEqual(config);
    expect(labelMapFromConfig(written)?.names).toEqual(["negative", "positive"]);
  });

  test("ids with a hole, a repeated id or name, or a name that is no text are refused", () => {
    expect(() => labelMapFromConfig({ id2label: { 0: "a", 2: "b" } }, "m/config.json")).toThrow(
      /m\/config\.json: id2label has the pair "2", "b", expected a name for each id from 0 to 1/,
    );
    expect(() => labelMapFromConfig({ label2id: { a: 0, b: 0 } })).toThrow(/label2id has the pair 0, "b"/);
    expect(() => labelMapFromConfig({ id2label: { 0: "a", 1: "a" } })).toThrow(/two ids for the label "a"/);
    expect(() => labelMapFromConfig({ id2label: { 0: ["a"] } })).toThrow(InputError);
  });
});

describe("regression labels", () => {
  test("are decimal numbers", () => {
    expect(["5.000", " -1e-3 ", ".5", "+2"].map((label) => regressionLabel(label, "f", 1))).toEqual([
      5, -0.001, 0.5, 2,
    ]);
  });

  test.each(["", "high", "NaN", "Infinity", "1e999", "0x10", "1,5"])("%j is refused", (label) => {
    expect(() => regressionLabel(label, "s.tsv", 3)).toThrow(
      `s.tsv, line 3: the label "${label}" is not a finite number`,
    );
  });
});

describe("labels that may be ids", () => {
  test("of which all are numbers are called as Hugging Face calls classes without names, gaps included", () => {
    const labels = buildIdMap(["4", "0", "4"], "x.jsonl");
    expect(labels.names).toEqual(["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3", "LABEL_4"]);
    expect([labels.id("3", "f", 1), labels.id("LABEL_3", "f", 1)]).toEqual([3, 3]);
    expect(() => labels.id("5", "f", 2)).toThrow('f, line 2: the label "5" is unknown');
  });

  test("are else names, in code point order", () => {
    expect(buildIdMap(["O", "I-PER", "B-PER"], "x").names).toEqual(["B-PER", "I-PER", "O"]);
    expect(buildIdMap(["0", "1", "other"], "x").names).toEqual(["0", "1", "other"]);
    expect(buildIdMap(["2000000000", "1"], "x").names).toEqual(["1", "2000000000"]);
    expect(() => buildIdMap(["0", "0"], "x")).toThrow('x has only the label "0"');
    expect(() => buildIdMap([], "x")).toThrow("x has no label");
  });

  test("of a saved model are what its config names, else numbered", () => {
    const named = { id2label: { "0": "no", "1": "yes" } };
    expect(labelMapOfModel(named, "config.json").names).toEqual(["no", "yes"]);
    expect(labelMapOfModel({ num_labels: 3 }, "config.json").names).toEqual(["LABEL_0", "LABEL_1", "LABEL_2"]);
    expect(labelMapOfModel({}, "config.json").names).toEqual(["LABEL_0", "LABEL_1"]);
  });
});
