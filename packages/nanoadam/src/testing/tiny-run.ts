/** Whole runs on tiny checkpoints, in folders that are removed when the running test is over. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FinetuneInput } from "../options/finetune-options.js";
import { finetune } from "../recipes/finetune.js";
import type { RunSummary } from "../recipes/summary.js";
import type { EvaluationRecord, StepRecord } from "../train/observer.js";
import { temporaryFolder } from "./temporary-folder.js";
import { type RawTensor, readTensors } from "./tensors.js";
import { type TinyCheckpointOptions, writeTinyCheckpoint } from "./tiny-checkpoint.js";
import { type TinyRow, tinyRows, writeTinyData } from "./tiny-data.js";

/** A tiny checkpoint and labelled texts, in a folder of their own. */
export interface TinyPlace {
  readonly folder: string;
  readonly model: string;
  readonly train: string;
  readonly evaluation: string;
}

/** The rows that a run is evaluated on unless told. */
export const evaluationRows = tinyRows(24, 99);

export async function tinyPlace(
  checkpoint: TinyCheckpointOptions = {},
  { train = tinyRows(64), evaluation = evaluationRows }: { train?: TinyRow[]; evaluation?: TinyRow[] } = {},
): Promise<TinyPlace> {
  const folder = await temporaryFolder();
  return {
    folder,
    model: await writeTinyCheckpoint(join(folder, "model"), checkpoint),
    train: await writeTinyData(join(folder, "train.tsv"), train),
    evaluation: await writeTinyData(join(folder, "eval.tsv"), evaluation),
  };
}

/** What a run gave, and the folder that it wrote. */
export interface TinyRun {
  readonly summary: RunSummary;
  readonly folder: string;
  /** What metrics.jsonl has of the steps, and of the evaluations. */
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

let runs = 0;

/** A run that succeeds, of four steps unless `options` say otherwise, in a place of its own or in one that others share. */
export async function tinyRun(options: Partial<FinetuneInput> = {}, place?: TinyPlace): Promise<TinyRun> {
  const input = tinyInput(place ?? (await tinyPlace()), options);
  const summary = await finetune(input);
  const lines = (await readFile(join(input.output, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  const records = lines.map((line) => JSON.parse(line) as StepRecord | EvaluationRecord);
  return {
    summary,
    folder: input.output,
    steps: records.filter((record) => "loss" in record),
    evaluations: records.filter((record) => "eval" in record),
  };
}

/** The options of such a run. */
export function tinyInput(
  place: TinyPlace,
  options: Partial<FinetuneInput> = {},
): FinetuneInput & { readonly output: string } {
  return {
    model: place.model,
    train: place.train,
    eval: place.evaluation,
    text: "sentence",
    label: "label",
    batchSize: 8,
    threads: 1,
    learningRate: 5e-3,
    ...(options.epochs === undefined ? { steps: 4 } : {}),
    ...options,
    output: options.output ?? join(place.folder, `run-${runs++}`),
  };
}

/** The tensors of a checkpoint folder's weight file. */
export const weightsOf = (folder: string): Promise<Map<string, RawTensor>> =>
  readTensors(join(folder, "model.safetensors"));
