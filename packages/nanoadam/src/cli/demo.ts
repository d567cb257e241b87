/**
 * The demo: a small encoder and support messages that are part of the package. It shows what pretraining brings, what
 * NanoAdam does with a tenth of the weights, and what the result is good for.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { removeAtExit } from "../files/remove-at-exit.js";
import { formatBytes, formatSeconds, formatShare } from "../format.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { parseOptions } from "../options/parse-options.js";
import { trainingSchema } from "../options/training-options.js";
import { finetune } from "../recipes/finetune.js";
import { predictAndFormat } from "../recipes/predict.js";
import type { RunSummary } from "../recipes/summary.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { progressObserver } from "./progress.js";

const assets = fileURLToPath(new URL("../../assets/demo/", import.meta.url));

/** The demo's own file of messages and encoder; each run differs only in how it learns. */
const common = {
  model: join(assets, "encoder"),
  train: join(assets, "messages.tsv"),
  text: "text",
  label: "intent",
  evalShare: 0.25,
  maxLength: 64,
  batchSize: 16,
  epochs: 10,
  saveDtype: "float32",
  evalEvery: 1_000_000,
} as const satisfies Partial<FinetuneInput>;

const runs = [
  { name: "NanoAdam", options: { optimizer: "nanoadam", learningRate: 5e-3 } },
  { name: "AdamW", options: { optimizer: "adamw", learningRate: 5e-4 } },
  { name: "AdamW, not pretrained", options: { optimizer: "adamw", learningRate: 5e-4, fromScratch: true } },
] as const satisfies readonly { readonly name: string; readonly options: Partial<FinetuneInput> }[];

const sentences = [
  "i reset my password twice and it still says my account does not exist",
  "The courier says it was handed over on Monday but nothing has come to my door.",
  "There are two payments for one invoice on my statement.",
];

const demoSchema = trainingSchema.pick({ seed: true });

/** Flags that are no options of a run. */
interface OwnFlags {
  readonly output?: string;
  readonly quiet?: boolean;
}

const examples = ["nanoadam demo"];

/** `nanoadam demo`: needs no network and no files of its own. */
export function demoCommand(): Command {
  const command = new Command("demo").description(
    "Fine-tune an embedded encoder on embedded support messages: needs no network, takes under two minutes.",
  );
  return addHelpTail(addFlags(command, demoSchema), { examples })
    .option("--output <DIR>", "keep the model fine-tuned with NanoAdam")
    .option("--quiet", "print only the table and the predictions")
    .action(async ({ output, quiet, ...flags }: Flags & OwnFlags) => {
      const { seed } = parseOptions(demoSchema, optionsOfFlags(demoSchema, flags));
      const temporary = await mkdtemp(join(tmpdir(), "nanoadam-demo-"));
      const callOff = removeAtExit(temporary);
      try {
        await demonstrate(output ?? join(temporary, "model"), temporary, seed, quiet === true);
      } finally {
        await rm(temporary, { recursive: true, force: true });
        callOff();
      }
    });
}

async function demonstrate(kept: string, temporary: string, seed: number, quiet: boolean): Promise<void> {
  const results: { readonly name: string; readonly summary: RunSummary }[] = [];
  for (const [index, { name, options }] of runs.entries()) {
    const output = index === 0 ? kept : join(temporary, String(index));
    const progress = quiet ? undefined : progressObserver({ stream: process.stderr, label: name });
    const observers = progress === undefined ? [] : [progress];
    const summary = await finetune({ ...common, ...options, seed, output }, { observers }).finally(() =>
      progress?.end(),
    );
    results.push({ name, summary });
  }
  process.stdout.write(`\n${comparisonTable(results)}\n`);
  process.stdout.write(`${pretrainingGain(results)}\n\n`);
  for (const text of sentences) {
    const { predictions, format } = await predictAndFormat({ model: kept, text });
    for (const prediction of predictions) process.stdout.write(`${format(prediction)}\n`);
  }
}

/** A small table, columns aligned. */
export function comparisonTable(results: readonly { readonly name: string; readonly summary: RunSummary }[]): string {
  const rows = [
    ["", "accuracy", "optimizer state", "weights changed", "time"],
    ...results.map(({ name, summary }) => [
      name,
      formatShare(summary.evaluation.final.accuracy ?? Number.NaN),
      formatBytes(summary.optimizerStateBytes),
      formatShare(summary.parameters.everChanged.share),
      formatSeconds(summary.wallSeconds),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("   "),
    )
    .map((line) => `${line}\n`)
    .join("");
}

function pretrainingGain(results: readonly { readonly name: string; readonly summary: RunSummary }[]): string {
  const [, pretrained, scratch] = results.map(({ summary }) => summary.evaluation.final.accuracy ?? Number.NaN);
  const gain = 100 * ((pretrained ?? 0) - (scratch ?? 0));
  return `AdamW from the pretrained encoder is ${Math.abs(gain).toFixed(1)} points ${gain >= 0 ? "better" : "worse"} than from random weights, on ${results[0]?.summary.examples.evaluation ?? 0} messages that training did not see.`;
}
