/** Whole sequences of tasks on tiny networks: what is carried on, what is put back, and what is kept. */
import { access, cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AbortError, DivergenceError } from "../errors.js";
import { evaluate } from "../recipes/evaluate.js";
import { finetune } from "../recipes/finetune.js";
import { expectRefusal } from "../testing/refusal.js";
import { type RawTensor, writeTensors } from "../testing/tensors.js";
import { tinyRows, writeTinyData } from "../testing/tiny-data.js";
import { tinyImagePlace, tinyResnet } from "../testing/tiny-images.js";
import { tinyPlace, weightsOf } from "../testing/tiny-run.js";
import { continual } from "./continual.js";
import type { ContinualInput } from "./options.js";
import type { ContinualReport } from "./report.js";

const settings = { batchSize: 8, threads: 1, learningRate: 5e-3, dropout: 0, optimizer: "adamw" } as const;
const isBody = (name: string) => name.startsWith("bert.") && !name.startsWith("bert.pooler.");

/** Two tasks on the same words: which are good, and how good. */
async function tinyTasks() {
  const place = await tinyPlace();
  const other = await writeTinyData(join(place.folder, "other.tsv"), tinyRows(48, 7));
  const input: ContinualInput = {
    ...{ model: place.model, text: "sentence", output: join(place.folder, "out"), steps: 6, evalEvery: 3, ...settings },
    tasks: [
      { name: "label", train: place.train, eval: place.evaluation, label: "label" },
      { name: "score", train: other, label: "score", task: "regression", learningRate: 1e-2 },
    ],
  };
  return { ...place, input };
}

const bodyOf = async (folder: string): Promise<Map<string, RawTensor>> =>
  new Map([...(await weightsOf(folder))].filter(([name]) => isBody(name)));

describe("two tasks of texts, of different kinds", () => {
  test("the second starts from the body of the first, and the first is measured with its own head again", async () => {
    const { folder, input } = await tinyTasks();
    const report = await continual(input);
    const [first, second] = [join(folder, "out/tasks/1-label"), join(folder, "out/tasks/2-score")];

    expect(report.progress).toEqual({ done: 2, planned: 2 });
    expect(report.rows.map(({ after, figures }) => [after, figures.map((figure) => typeof figure)])).toEqual([
      ["label", ["number", "object"]],
      ["score", ["number", "number"]],
    ]);
    expect(report.tasks.map(({ task, metric, training }) => [task, metric, training?.learningRate])).toEqual([
      ["classification", "accuracy", 5e-3],
      ["regression", "pearson", 1e-2],
    ]);

    const data = input.tasks[0]?.eval ?? "";
    const { evaluation } = await evaluate({ model: first, data, threads: 1, batchSize: 8 });
    expect(report.rows[0]?.evaluations[0]).toEqual(evaluation);
    const shifted = report.rows[1]?.evaluations[0];
    expect(shifted?.loss).not.toBe(evaluation.loss);
    // The first task's folder with the second's body, put together by hand.
    const byHand = join(folder, "by-hand");
    await cp(first, byHand, { recursive: true });
    const body = await bodyOf(second);
    await writeTensors(join(byHand, "model.safetensors"), new Map([...(await weightsOf(first)), ...body]));
    expect((await evaluate({ model: byHand, data, threads: 1, batchSize: 8 })).evaluation).toEqual(shifted);
    const [learned, last] = [report.tasks[0]?.learned ?? 0, report.tasks[0]?.last ?? 0];
    expect(report.tasks[0]?.lost).toBeCloseTo(learned - last, 12);
    expect(report.forgetting).toBeCloseTo(learned - last, 12);
    expect(report.average).toBeCloseTo((last + (report.tasks[1]?.last ?? 0)) / 2, 12);
    expect(await bodyOf(second)).not.toEqual(await bodyOf(first));
  });

  test("a body that does not move forgets nothing", async () => {
    const { input } = await tinyTasks();
    const [label, score] = input.tasks;
    if (label === undefined || score === undefined) throw new Error();
    const report = await continual({
      ...input,
      return: true,
      // Steps of no size leave all as it was.
      tasks: [label, { ...score, learningRate: 1e-30 }],
    });
    expect(report.rows[1]?.evaluations[0]).toEqual(report.rows[0]?.evaluations[0]);
    expect(report.forgetting).toBe(0);
    expect(report.shifts[1]?.layers).toEqual(report.shifts[0]?.layers);
  });

  test("with `return` earlier tasks are measured at every checkpoint, and the curves go through the whole sequence", async () => {
    const { input, folder } = await tinyTasks();
    const report = await continual({ ...input, return: true });
    expect(
      report.curves.map(({ task, points }) => [task, points.map(({ step, during }) => `${during} ${step}`)]),
    ).toEqual([
      ["label", ["label 0", "label 3", "label 6", "score 9", "score 12"]],
      ["score", ["score 6", "score 9", "score 12"]],
    ]);
    // Checkpoints that nobody asked for are gone.
    expect(await readdir(join(folder, "out/tasks/2-score"))).not.toContain("checkpoints");
    expect(await readdir(join(folder, "out"))).toEqual([
      "configuration.json",
      "continual.html",
      "continual.json",
      "continual.md",
      "measurements.json",
      "tasks",
    ]);
  });
});

test("each task's head is a new one, although the classes have the same names", async () => {
  const { input, folder, train, evaluation } = await tinyTasks();
  const again = { train, eval: evaluation, label: "label" };
  const tasks = [
    { ...again, name: "one" },
    { ...again, name: "two", steps: 1, learningRate: 1e-30 },
  ];
  await continual({ ...input, tasks });
  const [first, second] = [
    await weightsOf(join(folder, "out/tasks/1-one")),
    await weightsOf(join(folder, "out/tasks/2-two")),
  ];
  expect(first.get("bert.embeddings.word_embeddings.weight")).toEqual(
    second.get("bert.embeddings.word_embeddings.weight"),
  );
  for (const name of ["classifier.weight", "bert.pooler.dense.weight"])
    expect(first.get(name)).not.toEqual(second.get(name));
  // The pooler is the model's own, as in the first task.
  expect(second.get("bert.pooler.dense.weight")).toEqual(
    (await weightsOf(input.model)).get("bert.pooler.dense.weight"),
  );
});

test("images: a network that knows its classes learns others, with the statistics that go with the body", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyResnet, 6);
  const base = join(folder, "base");
  await finetune({ model, train: images, eval: images, output: base, ...settings, learningRate: 2e-2, steps: 20 });
  const two = join(folder, "two.csv");
  const lines = ["red", "blue"].flatMap((label) =>
    [0, 1, 2, 3].map((index) => `images/${label}/${index}.png,${label}`),
  );
  await writeFile(two, `path,label\n${lines.join("\n")}\n`);
  const report = await continual({
    ...{ model: base, output: join(folder, "out"), steps: 4, ...settings, optimizer: "sgd" },
    tasks: [
      { name: "three", train: images, epochs: 0 },
      { name: "two", train: two, eval: two },
    ],
  });
  const [atFirst, after] = report.rows;
  expect(atFirst?.after).toBeNull();
  const { evaluation } = await evaluate({ model: base, data: images, threads: 1, batchSize: 8 });
  expect(atFirst?.evaluations).toEqual([evaluation, null]);
  expect(after?.evaluations[0]?.loss).not.toBe(evaluation.loss);
  expect(report.shifts.map(({ layers }) => layers.length)).toEqual([3]);
});

describe("a sequence that was interrupted", () => {
  /** The report without what no two runs have in common. */
  const comparable = ({ tasks, configuration: _, ...report }: ContinualReport) => ({
    ...report,
    tasks: tasks.map(({ training, ...task }) => ({ ...task, training: { ...training, seconds: 0 } })),
  });

  test.each(["between checkpoints", "at a checkpoint"])(
    "in a task %s goes on, and ends in the same bits",
    async (where) => {
      const { input, folder } = await tinyTasks();
      const whole = await continual({ ...input, return: true, output: join(folder, "whole") });
      const controller = new AbortController();
      const cut = continual(
        { ...input, return: true },
        {
          signal: controller.signal,
          observe: ({ name }) => [
            {
              onStep: ({ step }) => {
                if (name === "score" && step === (where === "at a checkpoint" ? 3 : 4)) controller.abort("enough");
              },
            },
          ],
        },
      );
      await expect(cut).rejects.toThrow(AbortError);
      await expect(cut).rejects.toThrow(`what is done is kept in ${input.output}, and the same command goes on`);
      const rest = await continual({ ...input, return: true });
      expect(await weightsOf(join(input.output, "tasks/2-score"))).toEqual(
        await weightsOf(join(folder, "whole/tasks/2-score")),
      );
      const curve = ({ curves }: ContinualReport) => curves[0]?.points;
      expect(curve(rest)?.map(({ value }) => value)).toEqual(
        expect.arrayContaining(curve(whole)?.map(({ value }) => value) ?? []),
      );
      expect({ ...comparable(rest), curves: [] }).toEqual({ ...comparable(whole), curves: [] });
    },
  );

  test("after a task is not learned again, and what was measured is not measured again", async () => {
    const { input } = await tinyTasks();
    const first = await continual(input);
    const started: string[] = [];
    const observe = ({ name }: { readonly name: string }) => {
      started.push(name);
      return [];
    };
    const again = await continual(input, { observe });
    expect(started).toEqual([]);
    expect(again).toEqual(first);
    await rm(join(input.output, "tasks/2-score"), { recursive: true });
    await continual(input, { observe });
    expect(started).toEqual(["score"]);
  });

  test("goes on with the same options only", async () => {
    const { input } = await tinyTasks();
    await continual(input);
    await expectRefusal(
      continual({ ...input, seed: 7 }),
      "holds a sequence of other tasks",
      "`seed` was none and is now 7",
    );
    await continual({ ...input, seed: 7, overwrite: true });
    await expectRefusal(
      continual({ ...input, output: join(input.output, "tasks") }),
      "something else than a sequence of tasks",
    );
  });
});

test("a task that diverges ends the sequence, by name, and the model that was good is kept", async () => {
  const { input } = await tinyTasks();
  const [label, score] = input.tasks;
  if (label === undefined || score === undefined) throw new Error();
  const diverging = { ...input, clip: 0, tasks: [label, { ...score, optimizer: "sgd" as const, learningRate: 1e30 }] };
  await expect(continual(diverging)).rejects.toThrow(DivergenceError);
  await expect(continual(diverging)).rejects.toThrow(/^task "score": .*overwrite/);
  await access(join(input.output, "tasks/1-label/model.safetensors"));
});

describe("what is wrong is told before anything is learned", () => {
  test("a model without a head for what it should know", async () => {
    const { input } = await tinyTasks();
    const [label, score] = input.tasks;
    if (label === undefined || score === undefined) throw new Error();
    await expectRefusal(continual({ ...input, tasks: [{ ...label, epochs: 0 }, score] }), "has no classification head");
    await expect(access(input.output)).rejects.toThrow("ENOENT");
  });

  test("data that a task cannot have, with its name", async () => {
    const { input } = await tinyTasks();
    const [label, score] = input.tasks;
    if (label === undefined || score === undefined) throw new Error();
    await expectRefusal(continual({ ...input, tasks: [{ ...label, label: "mood" }, score] }), 'task "label": ', "mood");
  });
});

test("the pages have the matrix and the pictures, and need nothing from elsewhere", async () => {
  const { input } = await tinyTasks();
  await continual({ ...input, return: true });
  const page = await readFile(join(input.output, "continual.html"), "utf8");
  expect(page.match(/<svg /g)?.length).toBe(4);
  expect(page).not.toMatch(/(src|href)="|<script|url\(/);
  expect(page).toContain("after score");
  expect(page).toMatch(/aria-label="accuracy by step: label from/);
  const text = await readFile(join(input.output, "continual.md"), "utf8");
  expect(text).toMatch(/^# One after another: label, score\n/);
  expect(text).toMatch(/\| after score \| 0\.\d{4} \| -?0\.\d{4} \|/);
  expect(text).toMatch(/\| layer \| after label \| after score \|/);
});
