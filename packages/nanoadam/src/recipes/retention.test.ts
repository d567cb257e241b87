/** What runs keep of what their base model knew. The judge is `evaluate`, given the base's own head on the body that was trained. */
import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { interruptedRun, resultOf } from "../testing/resumed-run.js";
import { writeTensors } from "../testing/tensors.js";
import { tinyRows, writeTinyData } from "../testing/tiny-data.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyImagePlace, tinyResnet, tinyVit } from "../testing/tiny-images.js";
import { type TinyPlace, tinyInput, tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { estimate } from "./estimate.js";
import { evaluate } from "./evaluate.js";
import { exportModel } from "./export.js";
import { finetune } from "./finetune.js";

/** A place with a base model and a text that says what it knows. */
async function placeWithText(head: "masked-lm" | "none" = "masked-lm") {
  const place = await tinyPlace({ head });
  const text = join(place.folder, "known.txt");
  await writeFile(
    text,
    `${tinyRows(20, 7)
      .map(({ sentence }) => sentence)
      .join("\n")}\n`,
  );
  return { ...place, text };
}

/** A checkpoint with the head of one folder and the rest of another. */
async function grafted(base: string, trained: string, isHead: (name: string) => boolean): Promise<string> {
  const folder = `${trained}-grafted`;
  await cp(base, folder, { recursive: true });
  const [own, body] = [await weightsOf(base), await weightsOf(trained)];
  const tensors = [...own].map(([name, tensor]) => [name, isHead(name) ? tensor : (body.get(name) ?? tensor)] as const);
  await writeTensors(join(folder, "model.safetensors"), new Map(tensors));
  return folder;
}

test("an encoder that learns classes is measured by its own head for masked words, at each evaluation", async () => {
  const place = await placeWithText();
  const options = { retain: place.text, evalEvery: 2, learningRate: 1e-2 };
  const { summary, folder, evaluations } = await tinyRun(options, place);
  const measure = (model: string) => evaluate({ model, data: place.text, batchSize: 8, threads: 1 });
  const before = await measure(place.model);
  const after = await measure(await grafted(place.model, folder, (name) => name.startsWith("cls.")));
  expect(summary.retained).toMatchObject({ data: place.text, task: "masked-lm", examples: 20 });
  expect(summary.retained?.before?.loss).toBeCloseTo(before.evaluation.loss, 5);
  expect(summary.retained?.final.loss).toBeCloseTo(after.evaluation.loss, 5);
  expect(summary.retained?.final.loss).not.toBe(summary.retained?.before?.loss);
  expect(evaluations.map(({ step, retained }) => [step, Object.keys(retained ?? {})])).toEqual(
    [0, 2, 4].map((step) => [step, ["loss", "perplexity", "accuracy"]]),
  );
  expect(evaluations.at(-1)?.retained).toEqual(summary.retained?.final);
});

test("what does not move keeps all: masks are the same in all evaluations", async () => {
  const place = await placeWithText();
  const { summary } = await tinyRun({ retain: place.text, learningRate: 1e-30 }, place);
  expect(summary.retained?.final).toEqual(summary.retained?.before);
});

test("the steps are the same as without", async () => {
  const place = await placeWithText();
  const [plain, measured] = [await tinyRun({}, place), await tinyRun({ retain: place.text }, place)];
  expect(await weightsOf(measured.folder)).toEqual(await weightsOf(plain.folder));
});

test("a table is read by the run's columns where it has them", async () => {
  const place = await placeWithText();
  const table = await writeTinyData(join(place.folder, "known.tsv"), tinyRows(9, 5));
  const of = (text: string) => tinyRun({ retain: table, text, limitRetain: 6 }, place);
  const [sentences, replies] = [await of("sentence"), await of("reply")];
  expect(sentences.summary.retained?.examples).toBe(6);
  expect(replies.summary.retained?.before).not.toEqual(sentences.summary.retained?.before);
});

describe("an adapter is measured as part of the body", () => {
  test.each<Partial<FinetuneInput>>([{ loraRank: 2 }, { loraRank: 2, useDora: true, loraTargets: "all-linear" }])(
    "%o",
    async (options) => {
      const place = await placeWithText();
      const { summary, folder } = await tinyRun({ ...options, retain: place.text, learningRate: 3e-2 }, place);
      const merged = join(place.folder, "merged");
      await exportModel({ model: folder, merge: true, output: merged });
      const model = await grafted(place.model, merged, (name) => name.startsWith("cls."));
      const { evaluation } = await evaluate({ model, data: place.text, batchSize: 8, threads: 1 });
      expect(summary.retained?.final.loss).toBeCloseTo(evaluation.loss, 4);
    },
  );
});

test("a head that the run trains on is measured as it is", async () => {
  const place = await placeWithText();
  const { summary } = await tinyRun({ task: "masked-lm", label: undefined, retain: place.evaluation }, place);
  expect(summary.retained?.before).toEqual(summary.evaluation.before);
  expect(summary.retained?.final).toEqual(summary.evaluation.final);
});

test("a decoder that learns classes is measured by its head over the vocabulary", async () => {
  const place = await placeWithText();
  const model = await writeTinyDecoder(join(place.folder, "decoder"), tinyDecoders.llama);
  const { summary, folder } = await tinyRun({ model, retain: place.text, learningRate: 2e-2 }, place);
  const trained = await grafted(model, folder, (name) => name === "lm_head.weight");
  const measure = (of: string) => evaluate({ model: of, data: place.text, batchSize: 8, threads: 1 });
  expect(summary.retained?.task).toBe("causal-lm");
  expect(summary.retained?.before?.perplexity).toBeCloseTo((await measure(model)).evaluation.perplexity ?? 0, 2);
  expect(summary.retained?.final.loss).toBeCloseTo((await measure(trained)).evaluation.loss, 5);
});

test("a classifier that learns something else is measured on the labels that it knew", async () => {
  const place = await tinyPlace();
  const first = await tinyRun({ steps: 20 }, place);
  const other = { model: first.folder, task: "regression", label: "score", learningRate: 2e-2 } as const;
  const { summary, folder } = await tinyRun({ ...other, retain: place.evaluation }, place);
  const trained = await grafted(first.folder, folder, (name) => name.startsWith("classifier"));
  const { evaluation } = await evaluate({ model: trained, data: place.evaluation, text: "sentence", label: "label" });
  expect(summary.retained?.task).toBe("classification");
  expect(summary.retained?.before?.accuracy).toBe(first.summary.evaluation.final.accuracy);
  expect(summary.retained?.final.loss).toBeCloseTo(evaluation.loss, 5);
});

describe.each([
  ["ViT", tinyVit],
  ["ResNet", tinyResnet],
] as const)("a %s that learns other classes", (_name, config) => {
  test("is measured on the images that it knew, statistics as they have become", async () => {
    const { folder, model, images } = await tinyImagePlace(config, 6);
    const settings = { batchSize: 6, threads: 1, dropout: 0, optimizer: "adamw" as const, learningRate: 1e-2 };
    const base = join(folder, "base");
    await finetune({ model, train: images, eval: images, output: base, steps: 24, ...settings });
    const others = join(folder, "others");
    await mkdir(others);
    for (const [name, called] of [
      ["red", "warm"],
      ["blue", "cold"],
    ] as const) {
      await cp(join(images, name), join(others, called), { recursive: true });
    }
    const output = join(folder, "out");
    const run = { model: base, train: others, eval: others, output, steps: 6, retain: images, ...settings };
    const { retained } = await finetune(run);
    const trained = await grafted(base, output, (name) => name.startsWith("classifier"));
    const measure = async (of: string) => (await evaluate({ model: of, data: images, threads: 1 })).evaluation;
    expect(retained?.task).toBe("image-classification");
    expect(retained?.before?.accuracy).toBeCloseTo((await measure(base)).accuracy ?? 0, 6);
    expect(retained?.final.loss).toBeCloseTo((await measure(trained)).loss, 4);
  });
});

test("a run that was interrupted goes on with what the base model knew", async () => {
  const place = await placeWithText();
  const whole = tinyInput(place, { retain: place.text, steps: 6, evalEvery: 2 });
  await finetune(whole);
  const cut = { ...whole, output: `${whole.output}-cut` };
  await interruptedRun(cut, [3]);
  expect(await resultOf(cut.output)).toEqual(await resultOf(whole.output));
});

test("TensorBoard and the report have it", async () => {
  const place = await placeWithText();
  const [tensorboard, report] = [join(place.folder, "events"), join(place.folder, "report.html")];
  await tinyRun({ retain: place.text, tensorboard, report }, place);
  const [events = ""] = await readdir(tensorboard);
  const content = (await readFile(join(tensorboard, events))).toString("latin1");
  for (const tag of ["retain/loss", "retain/perplexity", "retain/accuracy"]) expect(content).toContain(tag);
  const page = await readFile(report, "utf8");
  expect(page).toContain("retained loss");
  expect(page).toContain("Retained: perplexity");
});

describe("refused before anything is computed", () => {
  test("a base model without such a head", async () => {
    const place = await placeWithText("none");
    const run = (options: Partial<FinetuneInput>) => tinyRun({ retain: place.text, ...options }, place);
    await expectRefusal(run({}), "`retain`", "masked-lm", place.model, "cls.predictions", "missing", "`retainTask`");
    await expectRefusal(run({ retainTask: "classification" }), "classification", "classifier.weight");
    await expectRefusal(run({ retainTask: "causal-lm" }), "predicts masked tokens");
    await expectRefusal(run({ retainTask: "image-classification" }), "image-classification");
  });

  test("a file that is not there, options without it, and random weights", async () => {
    const place = await placeWithText();
    const gone = `${place.text}.gone`;
    await rename(place.text, gone);
    await expectRefusal(tinyRun({ retain: place.text }, place), place.text);
    await expectRefusal(tinyRun({ retainTask: "masked-lm" }, place), "`retainTask` needs `retain`");
    await expectRefusal(tinyRun({ limitRetain: 3 }, place), "`limitRetain` needs `retain`");
    await expectRefusal(tinyRun({ retain: gone, fromScratch: true }, place), "`retain` cannot go with `fromScratch`");
  });

  test("an output that would replace the data", async () => {
    const place: TinyPlace & { text: string } = await placeWithText();
    const output = join(place.folder, "data");
    await mkdir(output);
    const retain = join(output, "known.txt");
    await cp(place.text, retain);
    await expectRefusal(tinyRun({ retain, output, overwrite: true }, place), "`retain`", retain);
    expect(await readFile(retain, "utf8")).toBe(await readFile(place.text, "utf8"));
  });
});

test("the estimate counts the head and its pass, and no second body", async () => {
  const place = await placeWithText();
  const options = { model: place.model, maxLength: 16, batchSize: 8 };
  const [plain, measured] = [await estimate(options), await estimate({ ...options, retainTask: "masked-lm" })];
  // The transform [16, 16] with its bias, a normalisation of 16, and a bias for each of 48 tokens; the table is the body's.
  expect(measured.memory.weights - plain.memory.weights).toBe(4 * (16 * 16 + 16 + 2 * 16 + 48));
  expect(measured.memory.activations).toBeGreaterThanOrEqual(plain.memory.activations);
  expect(measured.memory.states).toBe(plain.memory.states);
});
