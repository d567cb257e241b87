/** Adapters as PEFT writes them, read as checkpoints: what is added to which weight, computed here once more. */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { floatsOf, readTensors } from "../testing/tensors.js";
import { type TinyAdapter, writeTinyAdapter } from "../testing/tiny-adapter.js";
import { type TinyCheckpointOptions, writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { openModelFolder } from "./adapter.js";
import { narrowToBfloat16 } from "./floats.js";
import { loadPretrained } from "./pretrained.js";

const query = "bert.encoder.layer.0.attention.self.query";
const words = "bert.embeddings.word_embeddings";
const [rank, alpha] = [2, 3];
const queryAdapter = { [`${query}.lora_A.weight`]: [rank, 16], [`${query}.lora_B.weight`]: [16, rank] };

/** An open adapter of a tiny BERT, the numbers of its tensors, and those of the base's. */
async function adapterOf(adapter: TinyAdapter, base: TinyCheckpointOptions = { head: { labels: 2 } }) {
  const folder = await temporaryFolder();
  const model = await writeTinyCheckpoint(join(folder, "base"), base);
  const values = await writeTinyAdapter(join(folder, "adapter"), "../base", adapter);
  const tensors = await readTensors(join(model, "model.safetensors"));
  const given = (name: string): Float32Array => values.get(name) ?? new Float32Array();
  const before = (name: string): Float32Array => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`the base has no ${name}`);
    return floatsOf(tensor);
  };
  return { folder: join(folder, "adapter"), base: model, given, before };
}

/** A [rows, columns] with `scale * B A` added, each sum in float64. */
function merged(weight: Float32Array, b: Float32Array, a: Float32Array, scale = alpha / rank): Float32Array {
  const columns = a.length / rank;
  return weight.map((value, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += (b[row * rank + r] ?? 0) * (a[r * columns + column] ?? 0);
    return value + scale * sum;
  });
}

function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  narrowToBfloat16(values, bits);
  return bits;
}

async function withOpen<Result>(folder: string, use: (open: Awaited<ReturnType<typeof openModelFolder>>) => Result) {
  const checkpoint = await openModelFolder(folder);
  try {
    return await use(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

const readWhole = (folder: string, name: string) => withOpen(folder, (open) => open.readFloat32(name));

test("every range of an adapted weight is that of the merged weight, in both formats", async () => {
  const { folder, given, before } = await adapterOf({ tensors: queryAdapter });
  const all = merged(before(`${query}.weight`), given(`${query}.lora_B.weight`), given(`${query}.lora_A.weight`));
  await withOpen(folder, (open) =>
    fc.assert(
      fc.asyncProperty(fc.nat(256), fc.nat(256), async (one, other) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)];
        const [wide, halves] = [new Float32Array(end - start), new Uint16Array(end - start)];
        await open.read(`${query}.weight`, wide, start);
        await open.read(`${query}.weight`, halves, start);
        expect(wide).toEqual(all.slice(start, end));
        expect(halves).toEqual(toBfloat16(all.slice(start, end)));
      }),
    ),
  );
});

test("an adapter of an embedding is the transpose, and one longer than a piece is read whole", async () => {
  const vocabularySize = 20_000;
  const { folder, given, before } = await adapterOf(
    {
      tensors: { [`${words}.lora_embedding_A`]: [rank, vocabularySize], [`${words}.lora_embedding_B`]: [16, rank] },
    },
    { head: { labels: 2 }, vocabularySize },
  );
  const [a, b] = [given(`${words}.lora_embedding_A`), given(`${words}.lora_embedding_B`)];
  const expected = before(`${words}.weight`).map((value, index) => {
    const [row, column] = [Math.floor(index / 16), index % 16];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += (a[r * vocabularySize + row] ?? 0) * (b[column * rank + r] ?? 0);
    return value + (alpha / rank) * sum;
  });
  const found = await readWhole(folder, `${words}.weight`);
  expect(Buffer.compare(new Uint8Array(found.buffer), new Uint8Array(expected.buffer))).toBe(0);
});

describe("the scale of the product is", () => {
  test.each([
    ["alpha / rank", {}, alpha / rank],
    ["alpha / sqrt rank of rslora", { use_rslora: true }, alpha / Math.sqrt(rank)],
    ["by the first pattern that is an ending of the name", { alpha_pattern: { "self.query": 5, query: 7 } }, 5 / rank],
    ["by a regular expression", { alpha_pattern: { "layer\\.[01]\\..*query": 5 } }, 5 / rank],
    ["by no pattern of other layers", { alpha_pattern: { key: 5, uery: 5 } }, alpha / rank],
    ["by a rank of its own", { r: 8, rank_pattern: { query: rank } }, alpha / rank],
  ])("%s", async (_, config, scale) => {
    const { folder, given, before } = await adapterOf({ tensors: queryAdapter, config });
    expect(await readWhole(folder, `${query}.weight`)).toEqual(
      merged(before(`${query}.weight`), given(`${query}.lora_B.weight`), given(`${query}.lora_A.weight`), scale),
    );
  });
});

test("biases that were trained beside the adapter take the place of the base's", async () => {
  const dense = "bert.encoder.layer.1.output.dense.bias";
  const tensors = { ...queryAdapter, [`${query}.base_layer.bias`]: [16], [dense]: [16] };
  const { folder, given } = await adapterOf({ tensors, config: { bias: "all" } });
  expect(await readWhole(folder, `${query}.bias`)).toEqual(given(`${query}.base_layer.bias`));
  expect(await readWhole(folder, dense)).toEqual(given(dense));
});

test("a bias of B is added, scaled as the product", async () => {
  const tensors = { ...queryAdapter, [`${query}.lora_B.bias`]: [16] };
  const { folder, given, before } = await adapterOf({ tensors, config: { lora_bias: true } });
  const added = given(`${query}.lora_B.bias`);
  expect(await readWhole(folder, `${query}.bias`)).toEqual(
    before(`${query}.bias`).map((value, i) => value + (alpha / rank) * (added[i] ?? 0)),
  );
});

test("what PEFT stores under three names counts once, by the plain one", async () => {
  const tensors = {
    "classifier.weight": [2, 16],
    "classifier.bias": [2],
    "classifier.modules_to_save.bias": [2],
    "classifier.original_module.bias": [2],
  };
  const { folder, given } = await adapterOf({ tensors, config: { bias: "all", task_type: "SEQ_CLS" } });
  expect(await readWhole(folder, "classifier.bias")).toEqual(given("classifier.bias"));

  const nested = {
    "classifier.dense.bias": [16],
    "classifier.modules_to_save.default.dense.bias": [16],
    "classifier.original_module.dense.bias": [16],
    "classifier.modules_to_save.default.out_proj.bias": [2],
  };
  const roberta = await adapterOf(
    { tensors: nested, config: { bias: "all", task_type: "SEQ_CLS" } },
    { architecture: "roberta", head: { labels: 2 } },
  );
  expect(await readWhole(roberta.folder, "classifier.dense.bias")).toEqual(roberta.given("classifier.dense.bias"));
  expect(await readWhole(roberta.folder, "classifier.out_proj.bias")).toEqual(
    roberta.given("classifier.modules_to_save.default.out_proj.bias"),
  );
});

describe("what the adapter is, is told by", () => {
  const head = (rows: number) => ({ "classifier.weight": [rows, 16], "classifier.bias": [rows] });
  const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`, `LABEL_${i}`]));

  test.each([1, 2, 3])("its task type and the %d rows of its classifier, not by its base", async (rows) => {
    const { folder } = await adapterOf(
      { tensors: { ...queryAdapter, ...head(rows) }, config: { task_type: "SEQ_CLS" } },
      { head: "masked-lm" },
    );
    const { architectures, id2label } = await withOpen(folder, ({ config }) => config);
    expect(architectures).toEqual(["BertForSequenceClassification"]);
    if (rows !== 2) expect(id2label).toEqual(labels(rows));
  });

  test("TOKEN_CLS", async () => {
    const { folder } = await adapterOf({ tensors: head(5), config: { task_type: "TOKEN_CLS" } }, { head: "bare" });
    expect(await withOpen(folder, ({ config }) => config)).toMatchObject({
      architectures: ["BertForTokenClassification"],
      id2label: labels(5),
    });
  });

  test("the class that PEFT notes where there is no task type", async () => {
    const mapping = { base_model_class: "BertForSequenceClassification", parent_library: "transformers" };
    const { folder } = await adapterOf({ tensors: head(3), config: { auto_mapping: mapping } }, { head: "masked-lm" });
    expect(await withOpen(folder, ({ config }) => config.architectures)).toEqual(["BertForSequenceClassification"]);
  });

  test("its base, whose names stay where the labels are as many", async () => {
    const id2label = { "0": "no", "1": "yes" };
    const { folder } = await adapterOf(
      { tensors: head(2), config: { task_type: "SEQ_CLS" } },
      { head: { labels: 2 }, config: { id2label } },
    );
    expect(await withOpen(folder, ({ config }) => config.id2label)).toEqual(id2label);
  });
});

describe("over a base of masked words", () => {
  const languageModel = { kind: "language-model", predicts: "masked" } as const;

  test("an adapted embedding leaves the last layer as it was, as in PEFT", async () => {
    const tensors = { [`${words}.lora_embedding_A`]: [rank, 48], [`${words}.lora_embedding_B`]: [16, rank] };
    const { folder, before } = await adapterOf({ tensors }, { head: "masked-lm" });
    const { weights } = await withOpen(folder, (open) => loadPretrained(open, languageModel, 0));
    expect(weights.get("cls.predictions.decoder.weight")).toEqual(before(`${words}.weight`));
    expect(weights.get("cls.predictions.decoder.bias")).toEqual(before("cls.predictions.bias"));
    expect(weights.get(`${words}.weight`)).not.toEqual(before(`${words}.weight`));
  });

  test("a last layer that was trained leaves the embeddings as they were", async () => {
    const tensors = { "cls.predictions.decoder.weight": [48, 16], "cls.predictions.decoder.bias": [48] };
    const { folder, before, given } = await adapterOf({ tensors }, { head: "masked-lm" });
    const { weights } = await withOpen(folder, (open) => loadPretrained(open, languageModel, 0));
    for (const name of Object.keys(tensors)) expect(weights.get(name)).toEqual(given(name));
    expect(weights.get(`${words}.weight`)).toEqual(before(`${words}.weight`));
  });
});

test.each([
  ["without prefix", { head: "bare" }, query],
  ["with the first names of normalisations", { oldNames: true }, query],
  ["with it, of an adapter without", { head: "none" }, query.slice("bert.".length)],
] as const)("a base %s is adapted all the same", async (_, base, layer) => {
  const norm = "bert.embeddings.LayerNorm.weight";
  const tensors = {
    [`${layer}.lora_A.weight`]: [rank, 16],
    [`${layer}.lora_B.weight`]: [16, rank],
    "bert.embeddings.LayerNorm.weight": [16],
  };
  const { folder, given, before } = await adapterOf({ tensors }, base);
  const head = { kind: "outputs", per: "example", outputs: 2 } as const;
  const { weights, unused } = await withOpen(folder, (open) => loadPretrained(open, head, 0));
  const baseName = "head" in base && base.head === "bare" ? query.slice("bert.".length) : query;
  expect(weights.get(`${query}.weight`)).toEqual(
    merged(before(`${baseName}.weight`), given(`${layer}.lora_B.weight`), given(`${layer}.lora_A.weight`)),
  );
  expect(weights.get(norm)).toEqual(given(norm));
  expect(unused).toEqual([]);
});

test("the tokenizer is the base's where the adapter has none", async () => {
  const { folder, base } = await adapterOf({ tensors: queryAdapter });
  expect(await withOpen(folder, ({ tokenizerFolder }) => tokenizerFolder)).toBe(base);
  await rename(join(base, "tokenizer.json"), join(folder, "tokenizer.json"));
  expect(await withOpen(folder, ({ tokenizerFolder }) => tokenizerFolder)).toBe(folder);
});

describe("refused by name", () => {
  test.each([
    [{ peft_type: "IA3" }, 'peft_type is "IA3", expected "LORA"'],
    [{ r: 0 }, "r is 0, expected a rank of at least 1"],
    [{ r: 3 }, `the rank of ${query} is 3 (r, rank_pattern), but its lora_A has 2`],
    [{ rank_pattern: { query: 4 } }, `the rank of ${query} is 4 (r, rank_pattern), but its lora_A has 2`],
    [{ alpha_pattern: { query: "5" } }, 'alpha_pattern has "5" for "query", expected a positive number'],
    [{ alpha_pattern: { "(": 5 } }, 'alpha_pattern has the key "(", expected a regular expression'],
    [{ task_type: "SEQ_2_SEQ_LM" }, 'task_type is "SEQ_2_SEQ_LM", expected "SEQ_CLS", "TOKEN_CLS", "CAUSAL_LM"'],
    [{ use_dora: true }, `use_dora is true, but ${query} has no lora_magnitude_vector`],
    [{ fan_in_fan_out: true }, "fan_in_fan_out is true, expected false"],
    [{ init_lora_weights: "pissa_niter_16" }, 'init_lora_weights is "pissa_niter_16", expected true'],
    [{ init_lora_weights: "olora" }, 'init_lora_weights is "olora"'],
    [{ init_lora_weights: "loftq" }, 'init_lora_weights is "loftq"'],
    [{ kasa_config: { beta: 1 } }, 'kasa_config is {"beta":1}, expected none'],
    [{ loftq_config: { loftq_bits: 4 } }, "loftq_config is"],
    [{ layer_replication: [[0, 2]] }, "layer_replication is [[0,2]], expected none"],
    [{ trainable_token_indices: [1] }, "trainable_token_indices is [1], expected none"],
    [{ target_parameters: ["x"] }, 'target_parameters is ["x"], expected none'],
    [{ a_field_of_tomorrow: "on" }, 'a_field_of_tomorrow is "on", expected none'],
  ])("%j", async (config, says) => {
    const { folder } = await adapterOf({ tensors: queryAdapter, config });
    await expectRefusal(openModelFolder(folder), "adapter_config.json: ", says);
  });

  const one = { [`${query}.lora_A.weight`]: [rank, 16] };
  test.each([
    [
      { [`${query}.lora_magnitude_vector`]: [16] },
      false,
      `lora_magnitude_vector" is there, but not "base_model.model.${query}.lora_A.weight"`,
    ],
    [{ "score.weight": [2, 16] }, false, '"base_model.model.score.weight" is no part'],
    [{ "bert.encoder.layer.9.x.lora_A.weight": [2, 16] }, false, "adapts bert.encoder.layer.9.x, which is no part"],
    [{ "classifier.weight": [2, 16] }, true, "is none of PEFT's"],
    [one, false, `is there, but not "base_model.model.${query}.lora_B.weight"`],
    [{ ...one, [`${query}.lora_B.weight`]: [16, 3] }, false, "which does not fit"],
    [{ ...queryAdapter, [`${query}.lora_A.weight`]: [0, 16] }, false, "has shape [0, 16], which does not fit"],
    [{ [`${query}.base_layer.bias`]: [8] }, false, `has shape [8], which does not fit ${query}.bias [16]`],
  ])("tensors %j", async (tensors, rawNames, says) => {
    const { folder } = await adapterOf({ tensors, rawNames });
    await expectRefusal(openModelFolder(folder), "adapter_model.safetensors", says);
  });

  test("a layer that the base lacks", async () => {
    const { folder } = await adapterOf(
      { tensors: queryAdapter },
      { change: (tensors) => void tensors.delete(`${query}.weight`) },
    );
    await expectRefusal(openModelFolder(folder), `adapts ${query}.weight, which the base model lacks`);
  });

  test("pickled weights, with how to convert them", async () => {
    const { folder } = await adapterOf({ tensors: queryAdapter });
    await rename(join(folder, "adapter_model.safetensors"), join(folder, "adapter_model.bin"));
    await expectRefusal(openModelFolder(folder), /adapter_model\.bin is a pickle.*convert it once with: python -c/);
    await rm(join(folder, "adapter_model.bin"));
    await expectRefusal(openModelFolder(folder), "adapter_model.safetensors could not be opened");
  });

  test("an adapter of itself", async () => {
    const { folder, base } = await adapterOf({ tensors: queryAdapter });
    await expectRefusal(openModelFolder(folder, folder), /the base model ".*" .* is an adapter of this one/);
    await writeTinyAdapter(base, folder, { tensors: queryAdapter });
    await expectRefusal(
      openModelFolder(folder),
      /base\/adapter_config\.json: the base model .* is an adapter of this one/,
    );
  });

  test("a range outside an adapted weight, and an unknown tensor", async () => {
    const { folder } = await adapterOf({ tensors: queryAdapter });
    await withOpen(folder, async (open) => {
      await expectRefusal(
        open.read(`${query}.weight`, new Uint16Array(2), 255),
        /base\/model\.safetensors: tensor "bert.*query\.weight" has shape \[16, 16\].* elements 255 to 257 were asked for/,
      );
      await expectRefusal(open.read("other.weight", new Float32Array(1)), /has no tensor "other\.weight"/);
    });
  });
});
