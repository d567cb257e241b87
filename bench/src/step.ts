/** One side of a comparison of training steps: a process that takes some steps and says how long they were. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunSummary } from "nanoadam";
import { outputOf } from "./child-process.js";
import { type StepShape, vocabulary } from "./model-folder.js";
import { measuredRow, type Row } from "./row.js";

export interface StepFigures {
  /** Median over the steps. */
  readonly milliseconds: number;
  /** Of the whole process, in bytes. */
  readonly peakMemory: number;
}

export interface StepSettings {
  readonly threads: number;
  readonly steps: number;
}

/** The command line of the project, as it is built. */
export const commandLine = fileURLToPath(new URL("../../packages/nanoadam/bin/nanoadam.js", import.meta.url));
const torchScript = "tools/peer-pytorch/train_step.py";

/**
 * Steps of `nanoadam finetune` on the model of a folder, with further flags. There is no dropout, as the peer has none, and
 * one selection for the whole run, so that the median is a step without a refresh.
 */
export function nanoadamStep(
  folder: string,
  { batch, length }: StepShape,
  { threads, steps }: StepSettings,
  flags: readonly string[],
): StepFigures {
  const text = outputOf(process.execPath, [
    ...[commandLine, "finetune", "--json", "--overwrite", "--output", join(folder, "output")],
    ...["--model", join(folder, "model"), "--text", "text", "--label", "label", "--learning-rate", "1e-5"],
    ...["--train", join(folder, "train.tsv"), "--eval", join(folder, "eval.tsv"), "--dropout", "0"],
    ...["--batch-size", String(batch), "--max-length", String(length)],
    ...["--threads", String(threads), "--steps", String(steps + 1), "--eval-every", "1000000"],
    ...flags,
  ]);
  return figuresOfSummary(text);
}

/**
 * With these variables the C library gives back to the system what is freed of a megabyte or more, as docs/decoders.md and docs/performance.md
 * advise; other systems have no such variables.
 */
export const returningMemory = { MALLOC_MMAP_THRESHOLD_: "1048576", MALLOC_TRIM_THRESHOLD_: "2097152" } as const;

/** The figures of a run of ours, of the summary that it prints. */
export function figuresOfSummary(text: string): StepFigures {
  const { stepMilliseconds, peakRssBytes } = JSON.parse(text) as RunSummary;
  return { milliseconds: stepMilliseconds, peakMemory: peakRssBytes };
}

/** The figures of a script of `bench/peers`, with these flags. */
export function transformersStep(
  python: string,
  script: string,
  flags: Readonly<Record<string, string | number>>,
): StepFigures {
  const text = outputOf(python, [
    fileURLToPath(new URL(`../peers/${script}`, import.meta.url)),
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ]);
  const found = JSON.parse(text) as Partial<Record<string, number>>;
  const { step_ms: milliseconds = Number.NaN, peak_rss_bytes: peakMemory = Number.NaN } = found;
  return { milliseconds, peakMemory };
}

/** Steps of ours and of a peer, round by round, compared in time and in memory. */
export function comparedRows(
  title: string,
  rounds: readonly { readonly ours: StepFigures; readonly theirs: StepFigures }[],
): Row[] {
  return [
    measuredRow(
      { name: `${title}, step`, unit: "ms", ratioMeans: "times as fast" },
      rounds.map(({ ours, theirs }) => ({ ours: ours.milliseconds, peer: theirs.milliseconds })),
    ),
    measuredRow(
      { name: `${title}, peak memory`, unit: "MB", ratioMeans: "times the memory of ours" },
      rounds.map(({ ours, theirs }) => ({ ours: ours.peakMemory / 1e6, peer: theirs.peakMemory / 1e6 })),
    ),
  ];
}

export interface TorchFigures extends StepFigures {
  /** The optimizer's part of a step. */
  readonly optimizerMilliseconds: number;
}

/** PyTorch beside the project, as `peer-pytorch/setup.sh` installs it. */
export interface TorchPeer {
  /** The interpreter. */
  readonly python: string;
  /** The folder that has `tools/peer-pytorch`. */
  readonly shared: string;
}

/** Steps of PyTorch's fused AdamW on an encoder of the same shape. */
export function torchStep(
  { python, shared }: TorchPeer,
  { layers, hidden, heads, batch, length }: StepShape,
  { threads, steps }: StepSettings,
  autocast: "float32" | "bfloat16",
): TorchFigures {
  const sizes = { layers, hidden, heads, ffn: 4 * hidden, vocab: vocabulary, batch, length, threads, steps };
  const text = outputOf(python, [
    join(shared, torchScript),
    ...Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...["--autocast", autocast],
  ]);
  const found = JSON.parse(text) as {
    step_ms: { median: number };
    optimizer_ms: number;
    peak_rss_bytes: number;
  };
  return {
    milliseconds: found.step_ms.median,
    peakMemory: found.peak_rss_bytes,
    optimizerMilliseconds: found.optimizer_ms,
  };
}
