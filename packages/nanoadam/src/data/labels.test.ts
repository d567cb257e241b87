import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import {
  buildIdMap,
  buildLabelMap,
  createLabelMap,
  hasSameClasses,
  type LabelMap,
  labelMapFor,
  labelMapFromConfig,
  labelMapOfModel,
  labelMapToConfig,
  labelReader,
  regressionLabel,
  unnamedClassesNote,
} from "./labels.js";

describe("the classes of a data set", () => {
  test("integer labels are in numeric order, so that the labels 0 to n-1 are their own ids", () => {
    const labels = buildLabelMap(["10", "2", "0", "1", "9", "3", "8", "7", "4", "6", "5", "0"]);
    expect(labels.names).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    expect(labels.find("10")).toBe(10);
    expect(buildLabelMap(["1", "-1"]).names).toEqual(["-1", "1"]);
  });

  test("one number in two spellings is one class, here and when the model is asked later", () => {
    const stars = buildLabelMap(["1.0", "2.0", "3.0", "2.0"]);
    expect(stars.names).toEqual(["1", "2", "3"]);
    expect([stars.find("2"), stars.find("2.0"), stars.find("0")]).toEqual([1, 1, undefined]);
  });

  test("fewer than two classes are refused", () => {
    expect(() => buildLabelMap(["1", "1"], "train.tsv")).toThrow(
      /train\.tsv has only the label "1", expected at least/,
    );
    expect(() => buildLabelMap(["a", "A "], "x")).toThrow('only the label "A"');
    expect(() => buildLabelMap([], "train.tsv")).toThrow(/train\.tsv has no label/);
  });

  test("numbers with decimals that hardly repeat are no classes; a few are", () => {
    const scores = Array.from({ length: 40 }, (_, row) => (row / 8).toFixed(2));
    expect(() => buildLabelMap(scores, "x.csv")).toThrow(
      'x.csv: the labels are 40 different numbers ("0.00", "0.13", "0.25", ...), not classes; `task` regression learns numbers.',
    );
    expect(buildLabelMap(["0.5", "1.0", "1.5", "1.0"]).names).toHaveLength(3);
  });

  test("identifiers are no classes", () => {
    const identifiers = Array.from({ length: 40 }, (_, row) => `user-${row}`);
    expect(() => buildLabelMap(identifiers, "x.csv")).toThrow(
      'x.csv: 40 different labels in 40 rows ("user-0", "user-1", "user-10", ...) are more like identifiers than classes; check `label`.',
    );
    expect(() => buildLabelMap(identifiers.map((_, row) => String(row)))).toThrow("or use `task` regression");
    expect(buildLabelMap([...identifiers, ...identifiers]).names).toHaveLength(40);
  });
});

describe("the labels of a file, with classes that are known", () => {
  const sentiment = createLabelMap(["negative", "positive"]);
  const read = (labels: LabelMap, ...found: string[]) => {
    const reader = labelReader(labels, found);
    return found.map((label) => reader.id(label, "test.tsv", 7));
  };

  test("are names, or all of them ids", () => {
    expect(read(sentiment, "positive", "NEGATIVE ", "positive")).toEqual([1, 0, 1]);
    expect(read(sentiment, "1", "0.0")).toEqual([1, 0]);
    expect(labelReader(sentiment, ["1", "0"]).areIds).toBe(true);
    expect(labelReader(sentiment, ["positive"]).areIds).toBe(false);
  });

  test("that are none of them are refused with file, line and the known labels", () => {
    const unknown = () => read(sentiment, "maybe");
    expect(unknown).toThrow(InputError);
    expect(unknown).toThrow('test.tsv, line 7: the label "maybe" is unknown, expected one of "negative", "positive".');
    expect(() => read(sentiment, "positive", "0")).toThrow('the label "0" is unknown');
    expect(() => read(sentiment, "0", "2")).toThrow('the label "0" is unknown');
  });

  test("are always names where names are numbers themselves", () => {
    expect(read(createLabelMap(["1.0", "2.0", "3.0"]), "1", "3.0")).toEqual([0, 2]);
    expect(() => read(createLabelMap(["1", "2", "3"]), "0")).toThrow(InputError);
  });

  test("that differ by case alone where names do are told apart", () => {
    const letters = createLabelMap(["a", "A", "b"]);
    expect(read(letters, "A", "a", "B")).toEqual([1, 0, 2]);
  });
});

describe("the classes of data for a checkpoint that has classes", () => {
  const config = { id2label: { "0": "positive", "1": "negative", "2": "neutral" } };
  const classes = (...labels: string[]) => labelMapFor(labels, config, "x.csv").names;

  test("are the checkpoint's, in its order, where the data name them or hold their ids", () => {
    expect(classes("negative", "positive")).toEqual(["positive", "negative", "neutral"]);
    expect(classes("0", "2")).toEqual(["positive", "negative", "neutral"]);
  });

  test("are the data's where they are others, or where the checkpoint's have no names", () => {
    expect(classes("negative", "mixed")).toEqual(["mixed", "negative"]);
    expect(classes("1", "5")).toEqual(["1", "5"]);
    expect(labelMapFor(["b", "a"], { id2label: { 0: "LABEL_0", 1: "LABEL_1" } }, "x").names).toEqual(["a", "b"]);
    expect(labelMapFor(["b", "a"], undefined, "x").names).toEqual(["a", "b"]);
  });

  test("without names are told which label each is taken for", () => {
    const names = labelMapToConfig(createLabelMap(["no", "yes"]));
    expect(unnamedClassesNote({ num_labels: 2 }, names)).toBe(
      'the checkpoint\'s classes have no names: LABEL_0 is taken for "no", LABEL_1 is taken for "yes"',
    );
    expect(unnamedClassesNote(names, names)).toBeUndefined();
    expect(unnamedClassesNote({}, labelMapToConfig(createLabelMap(["0", "1"])))).toBeUndefined();
  });

  test("keep the trained head where they are the same in the same order", () => {
    const named = (...names: string[]) => labelMapToConfig(createLabelMap(names));
    expect(hasSameClasses(named("a", "b"), named("a", "b"))).toBe(true);
    expect(hasSameClasses(named("a", "b"), named("b", "a"))).toBe(false);
    expect(hasSameClasses(named("a", "b"), named("a", "b", "c"))).toBe(false);
    expect(hasSameClasses({ num_labels: 2 }, named("0", "1"))).toBe(true);
    expect(hasSameClasses({ num_labels: 2 }, named("no", "yes"))).toBe(true);
    expect(hasSameClasses(named("a", "b"), {})).toBe(true);
  });
});

describe("the names in a checkpoint's config", () => {
  const config = { id2label: { "1": "positive", "0": "negative" }, label2id: { negative: 0, positive: 1 } };

  test("give the ids; ids are accepted as labels too", () => {
    const labels = labelMapFromConfig(config);
    expect(labels?.names).toEqual(["negative", "positive"]);
    expect(labels?.find("positive")).toBe(1);
    expect(labelMapFromConfig({ label2id: config.label2id })?.names).toEqual(["negative", "positive"]);
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
    expect(labelReader(labels, ["3"]).id("3", "f", 1)).toBe(3);
    expect(labelReader(labels, ["LABEL_3"]).id("LABEL_3", "f", 1)).toBe(3);
    expect(() => labelReader(labels, ["5"]).id("5", "f", 2)).toThrow('f, line 2: the label "5" is unknown');
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
