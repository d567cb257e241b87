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
import { multiLabel, multiLabelTask } from "./multi-label.js";

async function setUp(names: readonly string[] = ["toxic", "insult", "threat"]) {
  const folder = await temporaryFolder();
  const text = textEncoder(await loadTokenizer(await writeTinyCheckpoint(folder)), 16);
  const task = multiLabelTask(createLabelMap(names), text);
  const write = async (name: string, content: string) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const read = async (name: string, content: string, label: string[]) => {
    const dataset = await task.read(dataSource(await write(name, content), { text: ["text"], label }));
    return Promise.all(Array.from({ length: dataset.length }, (_, i) => dataset.load(i, { seed: 0, step: 0 })));
  };
  return { text, task, write, read };
}

const csv = "text,threat,toxic,insult\na film,0,1,1\nvery good,0,0,0\nit is bad,1,1,0\n";

describe("several labels", () => {
  test("are laid out as 0 and 1 in the order of the labels; the weight is their number", async () => {
    const { task, read } = await setUp();
    const examples = await read("a.csv", csv, ["threat", "toxic", "insult"]);
    const { tensors, weight } = task.collate(examples, 8);
    expect([...(tensors.get("labels")?.data ?? [])]).toEqual([1, 1, 0, 0, 0, 0, 1, 0, 1]);
    expect(tensors.get("labels")?.type).toEqual({ dataType: "float32", shape: [3, 3] });
    expect(weight).toBe(9);
    const unlabelled = task.predictor?.example({ text: "a film" });
    if (unlabelled === undefined) throw new Error("no example");
    expect(task.collate([unlabelled], 8).tensors.has("labels")).toBe(false);
  });

  test("are those of a list or of a text as well", async () => {
    const { task, read } = await setUp();
    const labelsOf = async (name: string, content: string) => [
      ...(task.collate(await read(name, content, ["l"]), 8).tensors.get("labels")?.data ?? []),
    ];
    expect(await labelsOf("a.jsonl", '{"text": "a", "l": ["insult"]}\n{"text": "b", "l": []}')).toEqual([
      0, 1, 0, 0, 0, 0,
    ]);
    expect(await labelsOf("a.jsonl", '{"text": "a", "l": [2, 0]}')).toEqual([1, 0, 1]);
    expect(await labelsOf("a.tsv", "text\tl\na\tthreat|toxic\n")).toEqual([1, 0, 1]);
  });

  test("have F1 over all, the mean of each label's, and the share of texts with all right", async () => {
    const { task, read } = await setUp();
    const batch = task.collate(await read("a.csv", csv, ["threat", "toxic", "insult"]), 8);
    // Expected toxic insult | none | toxic threat; predicted toxic | none | toxic insult threat.
    const metrics = task.metrics();
    metrics.add(Float32Array.of(1, -1, -2, -1, -1, -1, 3, 2, 1), batch);
    expect(metrics.result(0)).toEqual({
      f1: expect.closeTo(6 / 8, 12),
      macroF1: expect.closeTo((1 + 0 + 1) / 3, 12),
      accuracy: expect.closeTo(1 / 3, 12),
    });
    expect(Object.keys(metrics.result(0))).toEqual(["f1", "macroF1", "accuracy"]);
  });

  test("are predicted each by itself, and told from one half on", async () => {
    const { task, text } = await setUp();
    const outcome = task.predictor?.outcome(Float32Array.of(0.5, 2, -1000), text.encode({ text: "a" }));
    expect(outcome).toEqual({
      labels: ["insult", "toxic"],
      probabilities: { toxic: expect.closeTo(0.62246, 5), insult: expect.closeTo(0.880797, 5), threat: 0 },
    });
    if (outcome === undefined) throw new Error("no outcome");
    expect(task.predictor?.format(outcome)).toBe("insult 88.1 %, toxic 62.2 %");
    expect(task.predictor?.format({ labels: [], probabilities: {} })).toBe("-");
  });

  test("are named by their columns, by names, or by ids", async () => {
    const { text, write } = await setUp();
    const namesOf = async (name: string, content: string, label: string[]) => {
      const file = await write(name, content);
      return (await multiLabel.fromData(dataSource(file, { text: ["text"], label }), { text })).config();
    };
    const named = (...names: string[]) => ({
      problem_type: "multi_label_classification",
      id2label: Object.fromEntries(names.entries()),
      label2id: Object.fromEntries(names.map((name, id) => [name, id])),
    });
    expect(await namesOf("a.csv", csv, ["toxic", "threat"])).toEqual(named("toxic", "threat"));
    expect(await namesOf("a.tsv", "text\tl\na\tb|a\n", ["l"])).toEqual(named("a", "b"));
    expect(await namesOf("a.jsonl", '{"text": "a", "l": [2]}\n', ["l"])).toEqual(
      named("LABEL_0", "LABEL_1", "LABEL_2"),
    );
  });

  test("are refused where they are unknown, or the model has others", async () => {
    const { read } = await setUp();
    await expectRefusal(read("a.csv", csv, ["threat", "toxic"]), "`label` lacks the label", '"insult"');
    await expectRefusal(
      read("a.csv", "text,toxic,insult,threat,rude\na,0,1,0,1\n", ["toxic", "insult", "threat", "rude"]),
      'the label "rude" is unknown',
    );
    await expectRefusal(
      read("a.tsv", "text\tl\na\ttoxic\nb\trude|toxic\n", ["l"]),
      'line 3: the label "rude" is unknown',
    );
  });
});

test("a configuration is of several labels where it says so", () => {
  expect(multiLabel.matches({ problem_type: "multi_label_classification" })).toBe(true);
  expect(multiLabel.matches({ problem_type: "single_label_classification" })).toBe(false);
  expect(multiLabel.matches({})).toBe(false);
});
