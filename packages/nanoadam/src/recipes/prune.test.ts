/** Pruned checkpoints, and runs that keep their zeros. */
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import { optimizerNames } from "../options/optimizers.js";
import { expectRefusal } from "../testing/refusal.js";
import { interruptedRun, resultOf } from "../testing/resumed-run.js";
import { runCli } from "../testing/run-cli.js";
import { floatsOf, type RawTensor } from "../testing/tensors.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyImagePlace, tinyResnet } from "../testing/tiny-images.js";
import { tinyInput, tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { finetune } from "./finetune.js";
import { prune } from "./prune.js";

const isMatrix = (name: string, { shape }: RawTensor) => shape.length >= 2 && /dense|query|key|value/.test(name);
const zerosIn = (tensor: RawTensor) => floatsOf(tensor).filter((value) => value === 0).length;

/** A place whose model is pruned. */
async function prunedPlace() {
  const place = await tinyPlace({ head: { labels: 2 } });
  const model = join(place.folder, "pruned");
  await prune({ model: place.model, output: model });
  return { ...place, model, whole: place.model };
}

describe("a pruned checkpoint", () => {
  test("has the smallest 80 % of each matrix at 0, and the rest of the folder to the byte", async () => {
    const place = await tinyPlace({ head: { labels: 2 } });
    const output = join(place.folder, "pruned");
    const report = await prune({ model: place.model, output });
    const [before, after] = [await weightsOf(place.model), await weightsOf(output)];
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [name, tensor] of before) {
      const now = after.get(name) ?? tensor;
      if (!isMatrix(name, tensor)) expect(now, name).toEqual(tensor);
      else {
        const values = floatsOf(tensor);
        const kept = Math.round(0.8 * values.length);
        const cut = values.map(Math.abs).sort()[kept] ?? 0;
        expect(zerosIn(now), name).toBe(kept);
        expect(floatsOf(now), name).toEqual(values.map((value) => (Math.abs(value) < cut ? 0 : value)));
      }
    }
    const names = [...before].filter(([name, tensor]) => isMatrix(name, tensor)).map(([name]) => name);
    expect(report.tensors.map(({ name }) => name).sort()).toEqual(names.sort());
    expect(report.pruned.share).toBeCloseTo(0.8, 2);
    const files = (await readdir(place.model)).sort();
    expect((await readdir(output)).sort()).toEqual(files);
    for (const file of files.filter((name) => !name.endsWith(".safetensors"))) {
      expect(await readFile(join(output, file)), file).toEqual(await readFile(join(place.model, file)));
    }
  });

  test("of all tensors together, of tables and the head too, in bfloat16 and in shards", async () => {
    const { folder, model } = await tinyPlace({ head: { labels: 2 }, dtype: "BF16", sharded: true });
    const output = join(folder, "pruned");
    const report = await prune({ model, output, share: 0.5, scope: "model", embeddings: true, head: true });
    const names = report.tensors.map(({ name }) => name);
    expect(names).toContain("bert.embeddings.word_embeddings.weight");
    expect(names).toContain("classifier.weight");
    expect(names.every((name) => !/bias|LayerNorm/.test(name))).toBe(true);
    const after = await weightsOf(output);
    const pruned = names.map((name) => floatsOf(after.get(name) as RawTensor));
    const [zeros, entries] = [
      pruned.flatMap((values) => [...values].filter((value) => value === 0)),
      pruned.flatMap((values) => [...values]),
    ];
    expect(zeros.length).toBe(Math.round(0.5 * entries.length));
    expect(after.get("classifier.weight")?.dtype).toBe("BF16");
    expect(
      new Set(pruned.map((values) => values.filter((value) => value === 0).length / values.length)).size,
    ).toBeGreaterThan(1);
  });

  test("of a network over images has its convolutions pruned, and its statistics as they were", async () => {
    const { folder, model } = await tinyImagePlace(tinyResnet, 1);
    const output = join(folder, "pruned");
    const { tensors } = await prune({ model, output });
    const [before, after] = [await weightsOf(model), await weightsOf(output)];
    const convolutions = [...before].filter(([, { shape }]) => shape.length === 4).map(([name]) => name);
    expect(tensors.map(({ name }) => name).sort()).toEqual(convolutions.sort());
    for (const [name, tensor] of before)
      if (/running|tracked|classifier/.test(name)) expect(after.get(name)).toEqual(tensor);
    expect(await readdir(output)).toContain("preprocessor_config.json");
  });

  test("of a decoder has its head and its table left", async () => {
    const { folder } = await tinyPlace();
    const model = await writeTinyDecoder(join(folder, "decoder"), tinyDecoders.llama);
    const { tensors } = await prune({ model, output: join(folder, "pruned") });
    expect(tensors.length).toBe(3 * 7);
    expect(tensors.every(({ name }) => /_proj\.weight$/.test(name))).toBe(true);
  });
});

describe("a run keeps the zeros to the bit, and trains the others", () => {
  test.each<[string, Partial<FinetuneInput>]>([
    ...optimizerNames.map((optimizer): [string, Partial<FinetuneInput>] => [
      optimizer,
      { optimizer, weightDecay: 0.01 },
    ]),
    ["nanoadam, weights in bfloat16", { weights: "bfloat16" }],
    ["nanoadam, whole gradients", { sampledBelow: 0, density: 0.5, criterion: "gradient" }],
    ["adamw, stored in float16", { optimizer: "adamw", saveDtype: "float16" }],
  ])("%s", async (_, options) => {
    const place = await prunedPlace();
    const common = {
      keepZeros: true,
      steps: 6,
      maskInterval: 2,
      galoreRank: 2,
      galoreGap: 2,
      label: "score",
      task: "regression" as const,
    };
    const { folder, summary } = await tinyRun({ ...common, ...options }, place);
    const [before, after] = [await weightsOf(place.model), await weightsOf(folder)];
    let moved = 0;
    for (const [name, tensor] of before) {
      const now = after.get(name);
      if (now === undefined || !isMatrix(name, tensor)) continue;
      const [then, values] = [floatsOf(tensor), now.dtype === "F16" ? halvesOf(now) : floatsOf(now)];
      expect(
        values.filter((value, entry) => then[entry] === 0 && !Object.is(value, 0)),
        name,
      ).toHaveLength(0);
      moved += values.filter((value, entry) => value !== then[entry]).length;
    }
    expect(moved).toBeGreaterThan(0);
    const zeros = [...after].reduce(
      (sum, [, tensor]) =>
        sum + (tensor.dtype === "F16" ? halvesOf(tensor).filter((value) => value === 0).length : zerosIn(tensor)),
      0,
    );
    expect(summary.parameters.zeros.count).toBe(zeros);
    expect(summary.configuration.keepZeros).toBe(true);
  });

  test("without being asked they move", async () => {
    const place = await prunedPlace();
    const { summary } = await tinyRun({ optimizer: "adamw" }, place);
    expect(summary.parameters.zeros.share).toBeLessThan(0.2);
  });

  test.each(["nanoadam", "adamw", "microadam"] as const)("%s, interrupted in between", async (optimizer) => {
    const place = await prunedPlace();
    const whole = tinyInput(place, { optimizer, keepZeros: true, steps: 6, maskInterval: 2 });
    await finetune(whole);
    const cut = { ...whole, output: `${whole.output}-cut` };
    await interruptedRun(cut, [3]);
    expect(await resultOf(cut.output)).toEqual(await resultOf(whole.output));
  });

  test("a network over images", async () => {
    const { folder, model, images } = await tinyImagePlace(tinyResnet, 4);
    const [pruned, output] = [join(folder, "pruned"), join(folder, "out")];
    await prune({ model, output: pruned });
    await finetune({
      model: pruned,
      train: images,
      eval: images,
      output,
      steps: 4,
      batchSize: 6,
      threads: 1,
      keepZeros: true,
    });
    const [before, after] = [await weightsOf(pruned), await weightsOf(output)];
    for (const [name, tensor] of before) {
      if (tensor.shape.length === 4) expect(zerosIn(after.get(name) as RawTensor), name).toBe(zerosIn(tensor));
    }
  });

  test("by its preset", async () => {
    const { folder, model, images } = await tinyImagePlace(tinyResnet, 4);
    const [pruned, output] = [join(folder, "pruned"), join(folder, "out")];
    const { pruned: of } = await prune({ model, output: pruned });
    const flags = ["--model", pruned, "--train", images, "--eval", images, "--output", output];
    const run = await runCli("finetune", "--preset", "pruned/resnet-18", ...flags, "--steps", "3", "--threads", "1");
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain(`${of.count.toLocaleString("en-US")} weights are 0`);
  });

  test("an adapter begins at 0 and learns beside them", async () => {
    const place = await prunedPlace();
    const { summary } = await tinyRun({ loraRank: 2, keepZeros: true }, place);
    expect(summary.parameters.everChanged.count).toBeGreaterThan(0);
    expect(summary.evaluation.final.loss).not.toBe(summary.evaluation.before.loss);
  });
});

describe("refused", () => {
  test("what is no whole checkpoint, a share that is none, and the model's own folder", async () => {
    const place = await tinyPlace();
    const output = join(place.folder, "pruned");
    const { folder: adapter } = await tinyRun({ loraRank: 2 }, place);
    await expectRefusal(prune({ model: adapter, output }), "is an adapter");
    await expectRefusal(prune({ model: join(place.folder, "nowhere"), output }), "does not exist");
    await expectRefusal(prune({ model: place.model, output, share: 1 }), "`share` is 1");
    await expectRefusal(prune({ model: place.model, output: place.model, overwrite: true }), "`model`");
    await writeFile(join(await cpTo(place.model, output), "notes.txt"), "mine");
    await expectRefusal(prune({ model: place.model, output }), output);
    expect(await readdir(output)).toContain("notes.txt");
  });

  test("a damaged checkpoint, of which nothing is written", async () => {
    const place = await tinyPlace();
    const output = join(place.folder, "pruned");
    await rm(join(place.model, "config.json"));
    await expectRefusal(prune({ model: place.model, output }), "config.json");
    expect(await readdir(place.folder)).not.toContain("pruned");
  });
});

test("the command says what it did, in words or as JSON", async () => {
  const place = await tinyPlace();
  const flags = ["--model", place.model, "--share", "0.9"];
  const words = await runCli("prune", ...flags, "--output", join(place.folder, "a"));
  expect(words.stdout).toMatch(/^13 tensors pruned \(bert\.encoder.*\): 89\.9 % of their weights are 0\nzeros: /);
  const { stdout } = await runCli("prune", ...flags, "--output", join(place.folder, "b"), "--json");
  expect(JSON.parse(stdout)).toMatchObject({ pruned: { share: expect.closeTo(0.9, 2) as number } });
});

async function cpTo(from: string, to: string): Promise<string> {
  await cp(from, to, { recursive: true });
  return to;
}

/** The numbers of a tensor in float16. */
function halvesOf({ bytes }: RawTensor): Float32Array {
  return Float32Array.from(new Uint16Array(bytes.slice().buffer), (half) => {
    const [sign, exponent, fraction] = [half >> 15 === 0 ? 1 : -1, (half >> 10) & 31, half & 1023];
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}
