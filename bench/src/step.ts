/**
 * Milliseconds of a training step, and the memory of the process, for several ways of updating one model: random weights of a
 * given shape, texts that fill every batch. Each way is a process of `nanoadam finetune`, all of them in turn, several times
 * over; what is printed is the median of each and its ratio to the first, pair by pair.
 *
 *     node bench/dist/step.js [--layers 12] [--hidden 768] [--batch 8] [--length 128] [--steps 8] [--rounds 3] [--threads 2]
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { defineModel, initialValues, type RunSummary, writeSafetensors } from "nanoadam";

const { values: flags } = parseArgs({
  options: {
    layers: { type: "string", default: "12" },
    hidden: { type: "string", default: "768" },
    batch: { type: "string", default: "8" },
    length: { type: "string", default: "128" },
    steps: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
  },
});

const ways: Readonly<Record<string, readonly string[]>> = {
  adamw: ["--optimizer", "adamw"],
  "nanoadam 10 %": ["--density", "0.1", "--final-density", "0.1"],
  "nanoadam 4 %": ["--density", "0.04", "--final-density", "0.04"],
  "nanoadam 1 %": ["--density", "0.01", "--final-density", "0.01"],
  "nanoadam 1 %, checkpointing": ["--density", "0.01", "--final-density", "0.01", "--checkpointing", "stage"],
};

const commandLine = fileURLToPath(new URL("../../packages/nanoadam/bin/nanoadam.js", import.meta.url));
const tokenizerFolder = fileURLToPath(new URL("../../packages/nanoadam/assets/demo/encoder", import.meta.url));

/** A folder with a configuration of the shape asked for, a tokenizer, and a file of texts. */
async function prepare(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-step-"));
  const model = join(folder, "model");
  mkdirSync(model);
  for (const file of readdirSync(tokenizerFolder)) {
    if (file !== "config.json" && file !== "model.safetensors")
      copyFileSync(join(tokenizerFolder, file), join(model, file));
  }
  const hidden = Number(flags.hidden);
  const config = {
    ...JSON.parse(readFileSync(join(tokenizerFolder, "config.json"), "utf8")),
    hidden_size: hidden,
    intermediate_size: 4 * hidden,
    num_hidden_layers: Number(flags.layers),
    num_attention_heads: Math.max(1, hidden / 64),
    max_position_embeddings: 512,
    vocab_size: 30_522,
  };
  writeFileSync(join(model, "config.json"), JSON.stringify(config));
  const architecture = defineModel(config, { kind: "sequence-classification", labels: 2 });
  const tensors = architecture.parameters.map((parameter) => ({
    name: parameter.name,
    shape: parameter.shape,
    dtype: "F32" as const,
    values: () => initialValues(architecture, parameter, 0),
  }));
  await writeSafetensors(join(model, "model.safetensors"), tensors);
  const row = (index: number) => `${"a word and more ".repeat(Number(flags.length))}\t${index % 2}`;
  const rows = Array.from({ length: 8 * Number(flags.batch) }, (_, index) => row(index));
  writeFileSync(join(folder, "train.tsv"), `text\tlabel\n${rows.join("\n")}\n`);
  writeFileSync(join(folder, "eval.tsv"), `text\tlabel\n${row(0)}\n`);
  return folder;
}

function measure(folder: string, way: readonly string[]): RunSummary {
  const result = spawnSync(
    process.execPath,
    [
      ...[commandLine, "finetune", "--model", join(folder, "model"), "--json"],
      ...[
        "--train",
        join(folder, "train.tsv"),
        "--eval",
        join(folder, "eval.tsv"),
        "--text",
        "text",
        "--label",
        "label",
      ],
      ...[
        "--steps",
        flags.steps,
        "--batch-size",
        flags.batch,
        "--max-length",
        flags.length,
        "--threads",
        flags.threads,
      ],
      ...["--learning-rate", "1e-5", "--output", join(folder, "output"), "--overwrite"],
      ...["--dropout", "0", "--mask-interval", "1000", "--density-interval", "1000", ...way],
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 },
  );
  if (result.status !== 0) throw new Error(`finetune ended with ${result.status}`);
  return JSON.parse(result.stdout) as RunSummary;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const folder = await prepare();
try {
  const rounds = Array.from({ length: Number(flags.rounds) }, () =>
    Object.values(ways).map((way) => measure(folder, way)),
  );
  Object.keys(ways).forEach((name, index) => {
    const milliseconds = rounds.map((round) => round[index]?.stepMilliseconds ?? Number.NaN);
    const ratios = rounds.map(
      (round) => (round[0]?.stepMilliseconds ?? Number.NaN) / (round[index]?.stepMilliseconds ?? 1),
    );
    const memory = median(rounds.map((round) => round[index]?.peakRssBytes ?? Number.NaN));
    const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    console.log(
      `${name}: ${median(milliseconds).toFixed(0)} ms a step, ${median(ratios).toFixed(2)} times as fast (${spread}), peak memory ${(memory / 1e9).toFixed(2)} GB`,
    );
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
