/** Whole runs of the encoders beside BERT, RoBERTa and DistilBERT: trained, written, opened again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { furtherEncoders, writeBackbone } from "../testing/further-encoders.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";
import { predict } from "./predict.js";

test.each(Object.entries(furtherEncoders))("%s learns, and its folder gives what was evaluated", async (_, config) => {
  const place = await tinyPlace({}, { train: tinyRows(128) });
  const model = await writeBackbone(join(place.folder, "encoder"), config);
  const { summary, folder, evaluations } = await tinyRun(
    { learningRate: 5e-3, steps: 250, density: 0.5, dropout: 0, evalEvery: 1000 },
    { ...place, model },
  );
  expect(summary.evaluation.final.loss).toBeLessThan(0.8 * (evaluations[0]?.eval.loss ?? 0));
  const report = await evaluate({
    model: folder,
    data: place.evaluation,
    text: "sentence",
    label: "label",
    threads: 1,
  });
  expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
  const [prediction] = await predict({ model: folder, text: "good film", threads: 1 });
  expect(prediction).toMatchObject({ label: expect.stringMatching(/^(good|bad)$/) });
  const written = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as { architectures: string[] };
  expect(written.architectures[0]).toMatch(/ForSequenceClassification$/);
  expect((await weightsOf(folder)).size).toBeGreaterThan((await weightsOf(model)).size);
});

test.each([
  "electra with narrow embeddings",
  "modernbert with mean pooling",
  "deberta-v2 with buckets and shared keys",
])("%s goes on with masked tokens, and from them to an adapter", async (name) => {
  const place = await tinyPlace();
  const model = await writeBackbone(join(place.folder, "encoder"), furtherEncoders[name] ?? {});
  const masked = await tinyRun(
    { task: "masked-lm", label: undefined, learningRate: 1e-2, steps: 20 },
    { ...place, model },
  );
  expect(masked.summary.evaluation.final.loss).toBeLessThan(masked.evaluations[0]?.eval.loss ?? 0);
  const adapted = await tinyRun({ loraRank: 2, learningRate: 1e-2 }, { ...place, model: masked.folder });
  const report = await evaluate({
    model: adapted.folder,
    data: place.evaluation,
    text: "sentence",
    label: "label",
    threads: 1,
  });
  expect(report.evaluation.loss).toBeCloseTo(adapted.summary.evaluation.final.loss, 5);
});
