/** How the demo trains: on the package's own encoder and messages. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatCount, formatShare } from "../format.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import type { EvaluationRecord, RunStart } from "../train/observer.js";
import { bar } from "./bar.js";
import { type ProgressOptions, progressObserver } from "./progress.js";
import type { Colors } from "./terminal.js";

const assets = fileURLToPath(new URL("../../assets/demo/", import.meta.url));

/** The file of messages and the encoder; runs differ only in how they learn. */
const common = {
  model: join(assets, "encoder"),
  train: join(assets, "messages.tsv"),
  text: "text",
  label: "intent",
  evalShare: 0.25,
  maxLength: 64,
  batchSize: 16,
  epochs: 6,
  warmup: 0.1,
  dropout: 0,
  saveDtype: "float32",
} as const satisfies Partial<FinetuneInput>;

/** NanoAdam, evaluated after each epoch. */
export const nanoadamRun = { ...common, optimizer: "nanoadam", learningRate: 4e-3 } as const;

/** What it is compared with, each at a rate that suits it and evaluated at its end. */
export const baselines = [
  { name: "AdamW", options: { ...common, optimizer: "adamw", learningRate: 1e-3, evalEvery: 1_000_000 } },
  {
    name: "AdamW, not pretrained",
    options: { ...common, optimizer: "adamw", learningRate: 1e-3, evalEvery: 1_000_000, fromScratch: true },
  },
] as const satisfies readonly { readonly name: string; readonly options: Partial<FinetuneInput> }[];

/** The progress of the demo's run: what learns from what, and an accuracy that climbs. */
export function demoProgress(options: Pick<ProgressOptions, "stream" | "environment" | "now">, colors: Colors) {
  return progressObserver({
    ...options,
    describeStart: ({ counts, data, totalSteps, batchSize }: RunStart) => [
      `${formatCount(data.train)} messages to learn from, ${formatCount(data.evaluation)} kept aside to test; ${data.classes?.length ?? 0} intents: ${(data.classes ?? []).map(({ name }) => name).join(", ")}`,
      `${formatCount(totalSteps)} steps of ${batchSize} messages, each moving the smallest ${formatShare(counts.selected.share)} of ${formatCount(counts.total)} weights`,
    ],
    describeEvaluation: (record) => accuracyLine(record, colors),
  });
}

const accuracyColumns = 30;

/** "after epoch 2   48 %  ████████░░░░░░░░". */
export function accuracyLine({ step, epoch, eval: { accuracy = 0 } }: EvaluationRecord, colors: Colors): string {
  const when = step === 0 ? "before training" : `after epoch ${Math.round(epoch)}`;
  const share = `${(100 * accuracy).toFixed(0)} %`.padStart(5);
  return `${when.padEnd(16)} ${share} right  ${bar(accuracy, accuracyColumns, colors)}`;
}
