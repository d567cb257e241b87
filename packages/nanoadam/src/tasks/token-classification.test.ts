import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createLabelMap } from "../data/labels.js";
import { dataSource } from "../data/source.js";
import { textEncoder } from "../data/text/encoder.js";
import { loadTokenizer } from "../data/text/load.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tokenClassification, tokenClassificationTask } from "./token-classification.js";

async function setUp(maxLength = 16) {
  const folder = await temporaryFolder();
  const text = textEncoder(await loadTokenizer(await writeTinyCheckpoint(folder)), maxLength);
  const task = tokenClassificationTask(createLabelMap(["O", "B-A", "I-A"]), text);
  const write = async (name: string, content: string) => {
    await writeFile(join(folder, name), content);
    return dataSource(join(folder, name), {});
  };
  return { text, task, write };
}

describe("tags of words", () => {
  test("lie on each word's first token; the weight is their number", async () => {
    const { task, write } = await setUp();
    const dataset = await task.read(await write("a.conll", "goods B-A\nfilm I-A\n\nit O\n"));
    const examples = await Promise.all([0, 1].map((index) => dataset.load(index, { seed: 0, step: 0 })));
    const { tensors, weight } = task.collate(examples, 8);
    // [CLS] good ##s film [SEP], and [CLS] it [SEP].
    expect([...(tensors.get("labels")?.data ?? [])]).toEqual([0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect([...(tensors.get("label_weights")?.data ?? [])]).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(tensors.get("label_weights")?.type.shape).toEqual([16, 1]);
    expect(weight).toBe(3);
  });

  test("of words beyond the maximum length are cut, which counts as truncated", async () => {
    const { task, write } = await setUp(4);
    const dataset = await task.read(await write("a.conll", "it O\nis O\ngood B-A\n\nit O\n"));
    expect([dataset.wasTruncated?.(0), dataset.wasTruncated?.(1)]).toEqual([true, false]);
    expect(task.collate([await dataset.load(0, { seed: 0, step: 0 })], 4).weight).toBe(2);
  });

  test("are names or ids", async () => {
    const { text, write } = await setUp();
    const namesOf = async (content: string) => {
      const config = (await tokenClassification.fromData(await write("a.jsonl", content), { text })).config();
      expect(JSON.parse(JSON.stringify(config))).not.toHaveProperty("problem_type");
      return Object.values(config.id2label as object);
    };
    expect(await namesOf('{"tokens": ["a", "b"], "ner_tags": ["O", "B-A"]}')).toEqual(["B-A", "O"]);
    expect(await namesOf('{"tokens": ["a", "b"], "ner_tags": [0, 2]}')).toEqual(["LABEL_0", "LABEL_1", "LABEL_2"]);
  });

  test("that the model does not know are refused with file and line", async () => {
    const { task, write } = await setUp();
    const read = async (name: string, content: string) => task.read(await write(name, content));
    await expectRefusal(read("a.conll", "it O\nis B-X\n"), 'a.conll, line 2: the label "B-X" is unknown');
    await expectRefusal(read("a.jsonl", '{"tokens": ["a"], "ner_tags": ["X"]}'), 'a.jsonl, line 1: the label "X"');
  });

  test("give the entities of a text, with their places in it", async () => {
    const { task } = await setUp();
    const { predictor } = task;
    const example = predictor?.example({ text: " goods  film it" });
    if (predictor === undefined || example === undefined) throw new Error("no predictor");
    // [CLS] good ##s film it [SEP]: logits of what is no first token must not count.
    const tags = [2, 1, 2, 2, 0, 1, 1, 1];
    const logits = Float32Array.from(tags.flatMap((tag) => [0, 1, 2].map((each) => (each === tag ? 5 : 0))));
    const outcome = predictor.outcome(logits, example);
    const score = Math.exp(5) / (Math.exp(5) + 2);
    expect(outcome.entities).toEqual([
      { entity_group: "A", score: expect.closeTo(score, 6), word: "goods  film", start: 1, end: 12 },
    ]);
    expect(predictor.format(outcome)).toBe("A goods  film 98.7 %");
    expect(predictor.format({ entities: [] })).toBe("-");
    expect(task.collate([example], 8).tensors.has("labels")).toBe(false);
  });

  test("of words that were cut are none", async () => {
    const { task } = await setUp(4);
    const example = task.predictor?.example({ text: "it is good" });
    if (example === undefined) throw new Error("no example");
    const outcome = task.predictor?.outcome(
      Float32Array.from({ length: 12 }, (_, i) => (i % 3 === 1 ? 1 : 0)),
      example,
    );
    expect(outcome?.entities.map(({ word }) => word)).toEqual(["it", "is"]);
  });
});

test("a configuration is of this task where its architecture is", () => {
  expect(tokenClassification.matches({ architectures: ["RobertaForTokenClassification"] })).toBe(true);
  expect(tokenClassification.matches({ architectures: ["BertForSequenceClassification"] })).toBe(false);
  expect(tokenClassification.matches({})).toBe(false);
});
