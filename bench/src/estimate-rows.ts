/**
 * What `nanoadam estimate` says of a run's peak memory, over what the process of such a run takes: an encoder, a decoder, and networks over
 * images, each by NanoAdam and by AdamW. The figure is memory, so that it does not matter what else runs on the machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EstimateInput, estimate, type RunSummary } from "nanoadam";
import { outputOf } from "./child-process.js";
import { imageBatch, imageModels, withImageFolder } from "./image-folder.js";
import { vocabulary, writeCheckpoint } from "./model-folder.js";
import type { FigureRow } from "./row.js";
import { commandLine } from "./step.js";

/** As wide as BERT-base and SmolLM2-135M, with fewer layers, so that a step does not take long. */
const models = {
  encoder: {
    head: { kind: "outputs", per: "example", outputs: 2 },
    config: {
      model_type: "bert",
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 6,
      num_attention_heads: 12,
      max_position_embeddings: 512,
      vocab_size: vocabulary,
      type_vocab_size: 2,
    },
  },
  decoder: {
    head: { kind: "language-model", predicts: "next" },
    config: {
      model_type: "llama",
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 10,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      max_position_embeddings: 512,
      vocab_size: 49152,
      tie_word_embeddings: true,
    },
  },
} as const;

const runs = {
  encoder: { maxLength: 128, batchSize: 8 },
  decoder: { task: "causal-lm", maxLength: 128, batchSize: 4 },
} as const satisfies Readonly<Record<string, Omit<EstimateInput, "model">>>;

const steps = 3;

export async function estimateRows({ threads }: { readonly threads: number }): Promise<FigureRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-bench-"));
  const rows: FigureRow[] = [];
  try {
    for (const name of ["encoder", "decoder"] as const) {
      const { config, head } = models[name];
      const model = join(folder, name);
      await writeCheckpoint(model, { ...config, architectures: [] }, head, "F32");
      for (const optimizer of ["nanoadam", "adamw"] as const) {
        const { memory } = await estimate({ ...runs[name], model, optimizer, steps, threads });
        const measured = measuredPeak(folder, { ...runs[name], model, optimizer, steps, threads });
        rows.push(rowOf(`${name}, ${optimizer}`, memory.peak, measured));
      }
    }
    return [...rows, ...(await imageRows(threads))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function imageRows(threads: number): Promise<FigureRow[]> {
  const rows: FigureRow[] = [];
  for (const [name, config] of Object.entries(imageModels)) {
    await withImageFolder(config, async (folder) => {
      for (const optimizer of ["nanoadam", "adamw"] as const) {
        const model = join(folder, "model");
        const { memory } = await estimate({ model, optimizer, batchSize: imageBatch.images, steps, threads });
        const text = outputOf(process.execPath, [
          ...[commandLine, "finetune", "--json", "--overwrite", "--output", join(folder, "output"), "--model", model],
          ...["--train", join(folder, "train"), "--eval", join(folder, "train"), "--optimizer", optimizer],
          ...["--batch-size", String(imageBatch.images), "--eval-every", "1000000", "--learning-rate", "1e-5"],
          ...["--steps", String(steps), "--threads", String(threads)],
        ]);
        rows.push(rowOf(`${name}, ${optimizer}`, memory.peak, (JSON.parse(text) as RunSummary).peakRssBytes));
      }
    });
  }
  return rows;
}

function rowOf(title: string, estimated: number, measured: number): FigureRow {
  return {
    name: `${title}: estimated peak memory over the measured`,
    value: estimated / measured,
    unit: "times",
    parts: { "estimated MB": estimated / 1e6, "measured MB": measured / 1e6 },
  };
}

/** The peak of a run on texts that fill every batch. */
function measuredPeak(folder: string, options: EstimateInput): number {
  const { model, task = "classification", optimizer = "nanoadam", maxLength = 128, batchSize = 8 } = options;
  const file = join(folder, "train.tsv");
  const row = (index: number) => `${"a word and more ".repeat(maxLength)}\t${index % 2}`;
  const texts = Array.from({ length: 2 * batchSize }, (_, index) => row(index));
  writeFileSync(file, `text\tlabel\n${texts.join("\n")}\n`);
  const text = outputOf(process.execPath, [
    ...[commandLine, "finetune", "--json", "--overwrite", "--output", join(folder, "output"), "--model", model],
    ...["--train", file, "--eval", file, "--text", "text", "--task", task, "--optimizer", optimizer],
    ...(task === "classification" ? ["--label", "label"] : []),
    ...["--batch-size", String(batchSize), "--max-length", String(maxLength), "--eval-every", "1000000"],
    ...["--learning-rate", "1e-5", "--steps", String(options.steps), "--threads", String(options.threads)],
  ]);
  return (JSON.parse(text) as RunSummary).peakRssBytes;
}
