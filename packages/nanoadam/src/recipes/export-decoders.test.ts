/** Exported decoders, loaded by Transformers.js in Node as a web page would load them: they go on from keys and values of earlier tokens. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  BertForSequenceClassification,
  BertForTokenClassification,
  Tensor,
} from "@huggingface/transformers";
import { onnxFile } from "@nanoadam/engine";
import { expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { wholeModel } from "../export/whole-model.js";
import { defineModel } from "../models/architectures.js";
import { chromium } from "../testing/chromium.js";
import { labelsConfig, logitsOf, writeModelFolder } from "../testing/model-folder.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { nextToken, tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { byteFallbackFiles } from "../testing/tiny-tokenizer.js";
import { localName } from "../testing/transformers-local.js";
import { runTransformersPage } from "../testing/transformers-page.js";
import { exportModel } from "./export.js";
import { loadTextGenerator } from "./load-text-generator.js";

const dynamic = "llama with biases and tied";
const { rope_scaling: _, max_position_embeddings: __, ...tied } = tinyDecoders[dynamic];
const decoders: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ...tinyDecoders,
  [dynamic]: { ...tied, max_position_embeddings: 64, rope_scaling: { rope_type: "yarn", factor: 2 } },
};

type Dtype = "fp32" | "fp16" | "q8";

interface Loaded {
  (inputs: Readonly<Record<string, Tensor>>): Promise<{ readonly logits: Tensor }>;
  generate(options: Readonly<Record<string, unknown>>): Promise<Tensor>;
  dispose(): Promise<unknown>;
}

/** Loads an exported folder as Transformers.js does a local model. */
async function loaded(folder: string, dtype: Dtype = "fp32"): Promise<Loaded> {
  return (await AutoModelForCausalLM.from_pretrained(localName(folder), { dtype })) as unknown as Loaded;
}

async function exported(model: string, dtype = "float32"): Promise<string> {
  const output = join(await temporaryFolder(), "exported");
  await exportModel({ model, format: "onnx", dtype, output });
  return output;
}

function integers(rows: readonly (readonly number[])[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);
}

/** Rows of tokens, the shorter ones with padding before them. */
const rows = {
  ids: [
    [1, 5, 9, 17, 40, 8, 11, 23],
    [0, 0, 0, 1, 30, 12, 77, 6],
  ],
  mask: [
    [1, 1, 1, 1, 1, 1, 1, 1],
    [0, 0, 0, 1, 1, 1, 1, 1],
  ],
};

/** The largest difference of logits at tokens that are no padding, and how far the logits themselves spread. */
async function difference(folder: string, model: Loaded): Promise<{ readonly most: number; readonly spread: number }> {
  const { logits } = await model({ input_ids: integers(rows.ids), attention_mask: integers(rows.mask) });
  const own = await logitsOf(folder, { texts: 2, length: 8, ids: rows.ids.flat(), mask: rows.mask.flat() });
  const theirs = logits.data as Float32Array;
  const columns = own.length / 16;
  expect(logits.dims).toEqual([2, 8, columns]);
  const places = rows.mask.flat().flatMap((each, place) => (each === 1 ? [place] : []));
  const entries = places.flatMap((place) => Array.from({ length: columns }, (_, column) => place * columns + column));
  const values = entries.map((entry) => own[entry] ?? Number.NaN);
  const most = Math.max(
    ...entries.map((entry) => Math.abs((theirs[entry] ?? Number.NaN) - (own[entry] ?? Number.NaN))),
  );
  return { most, spread: Math.max(...values) - Math.min(...values) };
}

/** The tokens that our generator finds likeliest after a prompt. */
async function ownAnswer(folder: string, prompt: string, maxNewTokens: number) {
  const generator = await loadTextGenerator(folder, { threads: 1 });
  const pieces: { readonly text: string; readonly ids: readonly number[] }[] = [];
  const options = { maxNewTokens, temperature: 0 };
  for await (const piece of generator.generate(prompt, options)) pieces.push(piece);
  const ids = generator.encode(prompt);
  await generator.close();
  return { prompt: ids, ids: pieces.flatMap((piece) => piece.ids), text: pieces.map(({ text }) => text).join("") };
}

async function theirAnswer(model: Loaded, prompt: readonly number[], count: number): Promise<number[]> {
  const output = await model.generate({
    inputs: integers([prompt]),
    max_new_tokens: count,
    do_sample: false,
    eos_token_id: null,
  });
  return Array.from(output.data as BigInt64Array, Number).slice(prompt.length);
}

test.each(Object.keys(decoders))("%s gives the same logits and the same text in Transformers.js", async (name) => {
  const folder = await writeTinyDecoder(join(await temporaryFolder(), "model"), decoders[name] ?? {});
  const model = await loaded(await exported(folder));
  try {
    expect((await difference(folder, model)).most).toBeLessThan(1e-4);
    const { prompt, ids } = await ownAnswer(folder, "a good plot", 10);
    expect(await theirAnswer(model, prompt, ids.length)).toEqual(ids);
  } finally {
    await model.dispose();
  }
});

test("texts of a batch go on as each does alone, whatever padding is before them", async () => {
  const config = { ...decoders.gemma3, sliding_window: 5 };
  const folder = await writeTinyDecoder(join(await temporaryFolder(), "model"), config);
  const model = await loaded(await exported(folder));
  const options = { max_new_tokens: 8, do_sample: false, eos_token_id: null };
  const together = await model.generate({
    inputs: integers(rows.ids),
    attention_mask: integers(rows.mask),
    ...options,
  });
  const answers = Array.from(together.data as BigInt64Array, Number);
  expect(answers.slice(8, 16)).toEqual(await theirAnswer(model, rows.ids[0] ?? [], 8));
  expect(answers.slice(24)).toEqual(await theirAnswer(model, rows.ids[1]?.slice(3) ?? [], 8));
  await model.dispose();
});

// Transformers.js names no classes for these; any class of an encoder runs them.
test.each([
  ["llama", "example", BertForSequenceClassification],
  ["opt", "example", BertForSequenceClassification],
  ["qwen2 with windows", "position", BertForTokenClassification],
] as const)("%s that classifies each %s gives the same logits", async (name, per, loader) => {
  const place = await temporaryFolder();
  const task = labelsConfig(["bad", "fair", "good"], per === "example" ? "single_label_classification" : undefined);
  const config = { ...decoders[name], pad_token_id: 0 };
  const head = { kind: "outputs", per, outputs: 3 } as const;
  const folder = await writeModelFolder(join(place, "model"), { config, head, task, tokenizer: byteFallbackFiles() });
  const output = await exported(folder);
  const model = (await loader.from_pretrained(localName(output), { dtype: "fp32" })) as unknown as Loaded;
  for (const padded of [rows, { ids: rows.ids.map(turned), mask: rows.mask.map(turned) }]) {
    const { logits } = await model({ input_ids: integers(padded.ids), attention_mask: integers(padded.mask) });
    const own = await logitsOf(folder, { texts: 2, length: 8, ids: padded.ids.flat(), mask: padded.mask.flat() });
    const theirs = logits.data as Float32Array;
    const mask = per === "example" ? [1, 1] : padded.mask.flat();
    const differences = Array.from(own, (value, entry) =>
      mask[Math.floor(entry / 3)] === 1 ? Math.abs(value - (theirs[entry] ?? Number.NaN)) : 0,
    );
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  }
  await model.dispose();
});

/** A row with its padding on the other side. */
function turned(row: readonly number[]): number[] {
  return [...row.slice(3), ...row.slice(0, 3)];
}

test.each(Object.entries(decoders))("no size of a batch is a part of the graph of %s", (_, config) => {
  const [first, second] = [0, 2].map((skip) => {
    const whole = wholeModel(defineModel(config, nextToken), { skip });
    return onnxFile(whole.tensors, { ...whole, precision: "float32", dataFile: "data" }).model;
  });
  expect(first).toEqual(second);
});

test.each(["llama", "gemma3", "opt"])("%s of 16 and of 8 bits is near the model", async (name) => {
  const folder = await writeTinyDecoder(join(await temporaryFolder(), "model"), decoders[name] ?? {});
  const output = await exported(folder, "float16,int8");
  const config = JSON.parse(await readFile(join(output, "config.json"), "utf8"));
  expect(config["transformers.js_config"]).toEqual({ kv_cache_dtype: { fp16: "float16" } });
  for (const [dtype, share] of [
    ["fp16", 0.01],
    ["q8", 0.1],
  ] as const) {
    const model = await loaded(output, dtype);
    const { most, spread } = await difference(folder, model);
    expect(most / spread).toBeLessThan(share);
    expect((await theirAnswer(model, [1, 5, 9, 17], 8)).length).toBe(8);
    await model.dispose();
  }
});

test("rotary positions that depend on the length are refused", async () => {
  const folder = await writeTinyDecoder(join(await temporaryFolder(), "model"), tinyDecoders[dynamic]);
  const output = join(folder, "out");
  await expectRefusal(exportModel({ model: folder, format: "onnx", output }), /rotary positions of type dynamic/);
  await expect(stat(output)).rejects.toThrow();
});

test.skipIf(!sharedDataIsPresent)(
  "stories260K tells the same story in Transformers.js (needs shared/data)",
  async () => {
    const folder = join(sharedDataFolder, "models", "stories260K");
    const output = await exported(folder, "float32,float16,int8");
    const own = await ownAnswer(folder, "Once upon a time", 120);
    const tokenizer = await AutoTokenizer.from_pretrained(localName(output));
    const inputs = (await tokenizer("Once upon a time")) as { readonly input_ids: Tensor };
    expect(Array.from(inputs.input_ids.data as BigInt64Array, Number)).toEqual(own.prompt);
    for (const dtype of ["fp32", "fp16", "q8"] as const) {
      const model = await loaded(output, dtype);
      const ids = await theirAnswer(model, own.prompt, own.ids.length);
      if (dtype === "fp32") {
        expect(ids).toEqual(own.ids);
        const all = tokenizer.decode([...own.prompt, ...ids], { skip_special_tokens: true });
        expect(all.trim()).toBe(`Once upon a time${own.text}`.trim());
        expect((await difference(folder, model)).most).toBeLessThan(1e-4);
      }
      expect(ids.slice(0, 10)).toEqual(own.ids.slice(0, 10));
      await model.dispose();
    }
  },
);

test.skipIf(chromium === undefined || !sharedDataIsPresent)(
  "a page in Chromium tells it too (needs shared/data)",
  async () => {
    const folder = join(sharedDataFolder, "models", "stories260K");
    const output = await exported(folder);
    const result = await runTransformersPage(
      `const tell = await pipeline("text-generation", "exported", { dtype: "fp32", device: "wasm" });
      done(await tell("Once upon a time", { max_new_tokens: 40, do_sample: false }));`,
      dirname(output),
    );
    const { text } = await ownAnswer(folder, "Once upon a time", 40);
    expect(result).toEqual([{ generated_text: `Once upon a time${text}` }]);
  },
);
