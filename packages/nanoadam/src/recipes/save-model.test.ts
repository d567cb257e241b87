/** What a written folder says of the run, and what is not written. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { rawTensor } from "../testing/tensors.js";
import { tinyInput, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";
import { finetune } from "./finetune.js";
import { openModel } from "./open-model.js";

describe("the longest text of a training", () => {
  test("is what evaluations and predictions cut to, unless they are told another", async () => {
    const place = await tinyPlace();
    const { folder, summary } = await tinyRun({ maxLength: 6 }, place);
    const measure = (maxLength?: number) =>
      evaluate({ model: folder, data: place.evaluation, text: "sentence", label: "label", threads: 1, maxLength });
    const [remembered, same, longer] = [await measure(), await measure(6), await measure(40)];
    expect(remembered).toEqual(same);
    expect(remembered.truncated).toBeGreaterThan(0);
    expect(remembered.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 6);
    expect(longer.truncated).toBe(0);
  });

  test("stands where transformers looks for it, beside what the tokenizer's configuration had", async () => {
    const place = await tinyPlace();
    const { folder } = await tinyRun({ maxLength: 6, loraRank: 2 }, place);
    const config = JSON.parse(await readFile(join(folder, "tokenizer_config.json"), "utf8"));
    expect(config).toMatchObject({ model_max_length: 6, tokenizer_class: "BertTokenizer", mask_token: "[MASK]" });
  });

  test("is by default the model's positions, also beyond the 128 tokens that are trained on", async () => {
    const positions = 200;
    const { model } = await tinyPlace({
      head: { labels: 2 },
      config: { max_position_embeddings: positions },
      change: (tensors) => {
        const table = rawTensor([positions, 16], new Float32Array(positions * 16));
        tensors.set("bert.embeddings.position_embeddings.weight", table);
      },
    });
    const opened = await openModel(model, { threads: 1 });
    expect(opened.files.maximumSize).toBe(positions);
    await opened.release();
  });
});

describe("a weight beyond float16", () => {
  const beyond = (dtype: "F32" | "BF16") =>
    tinyPlace({
      head: { labels: 2 },
      dtype,
      change: (tensors) => {
        tensors.set("classifier.bias", rawTensor([2], Float32Array.of(65_536, 65_536), dtype));
      },
    });

  test.each(["F32", "BF16"] as const)("of a checkpoint in %s is refused before training", async (dtype) => {
    const place = await beyond(dtype);
    const input = tinyInput(place, { saveDtype: "float16", weights: "keep" });
    await expectRefusal(finetune(input), "classifier.bias holds 65536, but float16 ends at 65504; nothing was written");
    await expect(stat(input.output)).rejects.toThrow("ENOENT");
  });

  test("is written in what has room for it", async () => {
    const { folder } = await tinyRun({ saveDtype: "bfloat16" }, await beyond("F32"));
    expect((await stat(join(folder, "model.safetensors"))).size).toBeGreaterThan(0);
  });
});
