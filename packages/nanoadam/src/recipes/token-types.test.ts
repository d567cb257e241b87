/** Token types that a model's table has no rows for: never read past its end. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { rawTensor } from "../testing/tensors.js";
import { type TinyCheckpointOptions, writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tinyInput, tinyPlace } from "../testing/tiny-run.js";
import { finetune } from "./finetune.js";
import { predict } from "./predict.js";

const pair = { text: "good film", textPair: "bad plot", threads: 1 } as const;

/** A checkpoint whose second text has the token type 1, whatever its architecture. */
async function withSecondType(options: TinyCheckpointOptions) {
  const place = await tinyPlace({ head: { labels: 2 }, ...options });
  const path = join(place.model, "tokenizer.json");
  const tokenizer = JSON.parse(await readFile(path, "utf8"));
  const special = { cls: tokenizer.post_processor.cls, sep: tokenizer.post_processor.sep };
  if (special.cls !== undefined) {
    await writeFile(path, JSON.stringify({ ...tokenizer, post_processor: { type: "BertProcessing", ...special } }));
    const config = JSON.stringify({ tokenizer_class: "PreTrainedTokenizerFast", pad_token: "<pad>" });
    await writeFile(join(place.model, "tokenizer_config.json"), config);
  }
  return place;
}

test("RoBERTa knows one type: it is 0 throughout, whatever the tokenizer says", async () => {
  const one = await withSecondType({ architecture: "roberta" });
  const two = await writeTinyCheckpoint(join(one.folder, "two"), {
    architecture: "roberta",
    head: { labels: 2 },
    config: { type_vocab_size: 2 },
    change: (tensors) => {
      const name = "roberta.embeddings.token_type_embeddings.weight";
      const known = tensors.get(name);
      if (known === undefined) throw new Error(`there is no ${name}`);
      const second = rawTensor([1, 16], new Float32Array(16).fill(9)).bytes;
      tensors.set(name, { ...known, shape: [2, 16], bytes: Buffer.concat([known.bytes, second]) });
    },
  });
  for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
    await writeFile(join(two, file), await readFile(join(one.model, file)));
  }
  const [prediction] = await predict({ model: one.model, ...pair });
  expect(prediction).toHaveProperty("probability", expect.any(Number));
  expect(await predict({ model: two, ...pair })).toEqual([prediction]);
});

test("a type beyond BERT's table is refused, by table and number, before anything is trained", async () => {
  const place = await withSecondType({
    config: { type_vocab_size: 1 },
    change: (tensors) => {
      tensors.set("bert.embeddings.token_type_embeddings.weight", rawTensor([1, 16], new Float32Array(16)));
    },
  });
  const says =
    "the data have 1 among their token_type_ids, but bert.embeddings.token_type_embeddings.weight has the rows 0";
  await expectRefusal(predict({ model: place.model, ...pair }), says);
  expect(await predict({ model: place.model, text: "good film", threads: 1 })).toHaveLength(1);
  await expectRefusal(finetune(tinyInput(place, { text: "sentence,reply" })), says);
});

test("a loss that is NaN before the first step is not the learning rate's", async () => {
  const place = await tinyPlace({
    head: { labels: 2 },
    change: (tensors) => {
      tensors.set("classifier.weight", rawTensor([2, 16], new Float32Array(32).fill(3e38)));
    },
  });
  await expectRefusal(finetune(tinyInput(place)), /the loss is NaN on the evaluation data before the first step/);
});
