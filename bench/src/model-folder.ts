import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineModel, type HeadSpecification, initialValues, type WritableTensor, writeSafetensors } from "nanoadam";

/** An encoder's shape and that of its batches. */
export interface StepShape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly batch: number;
  /** Tokens of every text. */
  readonly length: number;
}

export const vocabulary = 30_522;

const tokenizerFolder = fileURLToPath(new URL("../../packages/nanoadam/assets/demo/encoder", import.meta.url));

/**
 * Calls `work` with a temporary folder that has a BERT checkpoint of random weights (`model`), stored as `dtype`, and labelled
 * texts long enough to fill every batch (`train.tsv`, `eval.tsv`).
 */
export async function withModelFolder<Result>(
  shape: StepShape,
  work: (folder: string) => Promise<Result> | Result,
  dtype: WritableTensor["dtype"] = "F32",
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-bench-"));
  try {
    await writeModel(join(folder, "model"), shape, dtype);
    const row = (index: number) => `${"a word and more ".repeat(shape.length)}\t${index % 2}`;
    const rows = Array.from({ length: 2 * shape.batch }, (_, index) => row(index));
    writeFileSync(join(folder, "train.tsv"), `text\tlabel\n${rows.join("\n")}\n`);
    writeFileSync(join(folder, "eval.tsv"), `text\tlabel\n${row(0)}\n`);
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeModel(
  folder: string,
  { layers, hidden, heads }: StepShape,
  dtype: WritableTensor["dtype"],
): Promise<void> {
  const config = {
    ...JSON.parse(readFileSync(join(tokenizerFolder, "config.json"), "utf8")),
    hidden_size: hidden,
    intermediate_size: 4 * hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    max_position_embeddings: 512,
    vocab_size: vocabulary,
  };
  await writeCheckpoint(folder, config, { kind: "outputs", per: "example", outputs: 2 }, dtype);
}

/** Writes a checkpoint of random weights by its configuration, with the tokenizer of the package's own encoder. */
export async function writeCheckpoint(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  head: HeadSpecification,
  dtype: WritableTensor["dtype"],
): Promise<void> {
  mkdirSync(folder);
  const weightsAndConfig = new Set(["config.json", "model.safetensors"]);
  for (const file of readdirSync(tokenizerFolder).filter((name) => !weightsAndConfig.has(name))) {
    copyFileSync(join(tokenizerFolder, file), join(folder, file));
  }
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const model = defineModel(config, head);
  const tensors = model.parameters.map((parameter) => ({
    name: parameter.name,
    shape: parameter.shape,
    dtype,
    values: () => initialValues(model, parameter, 0),
  }));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
}
