/** What a run will take, told from configuration and options before anything is read or computed. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import { openModelFolder } from "../checkpoint/adapter.js";
import { locateModel } from "../checkpoint/locate-model.js";
import { openDataSource } from "../data/source.js";
import { InputError } from "../errors.js";
import { imaginedBatch, imaginedEncoder, imaginedRows } from "../estimate/imagined-data.js";
import { estimateMemory, type MemoryEstimate } from "../estimate/memory.js";
import { estimatedParameters, type ModelSource } from "../estimate/parameters.js";
import { estimatedRetention, imaginedReference } from "../estimate/retention.js";
import { type WayOut, waysOut } from "../estimate/ways-out.js";
import { memoryLimit } from "../files/memory-limit.js";
import { readJsonObject } from "../files/read-json.js";
import { defineModel } from "../models/architectures.js";
import { type Model, requireTexts } from "../models/model.js";
import { type EstimateInput, type EstimateOptions, estimateSchema } from "../options/estimate-options.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { mayHoldBfloat16 } from "../options/optimizer-options.js";
import { type OptimizerName, optimizerNames } from "../options/optimizers.js";
import { parseOptions } from "../options/parse-options.js";
import { textFiles } from "../tasks/model-files.js";
import { taskKind, taskOfData } from "../tasks/registry.js";
import { withAdapter } from "../train/prepare.js";
import { finetune } from "./finetune.js";

/** What a run takes, in bytes. */
export interface Estimate {
  readonly architecture: string;
  /** Of the model, and those of them that are trained. */
  readonly parameters: { readonly total: number; readonly trained: number };
  readonly batchSize: number;
  readonly maxLength: number;
  readonly optimizer: string;
  readonly memory: MemoryEstimate;
  /** The peak by optimizer, each with its own defaults. */
  readonly byOptimizer: Readonly<Record<string, MemoryEstimate>>;
  /** What the machine, or the container, has. */
  readonly limit: number;
  /** What would make it smaller. */
  readonly waysOut: readonly WayOut[];
  /** What a few steps took, where they were asked for. */
  readonly measured?: MeasuredSteps;
}

/** What some steps took, and how long all of a run's would. */
export interface MeasuredSteps {
  readonly stepMilliseconds: number;
  readonly peakRssBytes: number;
  readonly seconds?: number;
}

/**
 * Estimates a run from its model's configuration (of weights only the headers are read, where there are any) and its options.
 * Texts are taken to be as long as they may be.
 * @throws InputError for options or a configuration that a run would refuse too.
 */
export async function estimate(input: EstimateInput): Promise<Estimate> {
  const options = parseOptions(estimateSchema, input);
  const source = await describeModel(options.model);
  if (options.measure && source.entries === undefined) {
    throw new InputError(`\`measure\` needs weights to take steps with, and ${options.model} has a configuration only`);
  }
  const of = (changed: Partial<EstimateOptions> = {}) => estimateRun({ ...options, ...changed }, source);
  const run = await of();
  const others = optimizerNames.filter((name) => name !== options.optimizer);
  const byOptimizer = new Map<OptimizerName, MemoryEstimate>([[options.optimizer, run.memory]]);
  for (const optimizer of others)
    byOptimizer.set(optimizer, (await of({ optimizer, ...heldFor(options, optimizer) })).memory);
  const ways = await waysOut(
    { ...options, mayHoldBfloat16: mayHoldBfloat16(options, options) },
    run.memory.peak,
    async (change) => (await of(change as Partial<EstimateOptions>)).memory.peak,
  );
  return {
    ...run,
    batchSize: options.batchSize,
    optimizer: options.optimizer,
    byOptimizer: Object.fromEntries(optimizerNames.map((name) => [name, byOptimizer.get(name) ?? run.memory])),
    limit: memoryLimit(),
    waysOut: ways,
    ...(options.measure ? { measured: await measure(options, run.maxLength) } : {}),
  };
}

/** An optimizer that updates weights whole holds none in bfloat16. */
function heldFor(options: EstimateOptions, optimizer: OptimizerName): Partial<EstimateOptions> {
  return options.weights === "bfloat16" && !mayHoldBfloat16({ optimizer }, options) ? { weights: "float32" } : {};
}

/** A model as its folder describes it, with weights or without. */
async function describeModel(name: string): Promise<ModelSource> {
  const folder = await locateModel(name);
  const files = await readdir(folder).catch((): string[] => []);
  const isWhole = files.some((file) => file.endsWith(".safetensors") || file.endsWith(".safetensors.index.json"));
  const config =
    isWhole || !files.includes("config.json") ? undefined : await readJsonObject(join(folder, "config.json"));
  if (config !== undefined) return { config, entries: undefined, folder: name };
  const checkpoint = await openModelFolder(name);
  const { entries } = checkpoint;
  await checkpoint.close();
  return { config: checkpoint.config, entries, folder: name };
}

async function estimateRun(
  options: EstimateOptions,
  { config, entries, folder }: ModelSource,
): Promise<Pick<Estimate, "architecture" | "parameters" | "maxLength" | "memory">> {
  const kind = taskKind(options.task);
  const { backbone } = defineModel(config, { kind: "outputs", per: "example", outputs: 1 });
  const input = requireTexts(backbone.input, folder);
  const maxLength = options.maxLength ?? Math.min(input.maximumLength, kind.usualLength ?? 128);
  if (maxLength > input.maximumLength) {
    throw new InputError(
      `\`maxLength\` is ${maxLength}, expected at most the model's ${input.maximumLength} positions`,
    );
  }
  const text = imaginedEncoder({ maxLength, vocabularySize: input.vocabularySize });
  const evaluationSize = options.batchSize;
  const source = await openDataSource(
    imaginedRows(options.task, evaluationSize, options.labels),
    "train",
    kind.name === "token-classification" ? {} : { text: ["text"], label: kind.needsLabel ? ["label"] : undefined },
  );
  const task = await taskOfData(kind, source, textFiles(text), { config });
  const dataset = await task.read(source);
  const base = defineModel(config, task.head);
  const model = withAdapter(base, options);
  const found = { folder, config, entries };
  const holding = { model: options, optimizer: options, adapter: options, output: options };
  const parameters = estimatedParameters(model, found, holding);
  const reference =
    options.retainTask === undefined
      ? undefined
      : await imaginedReference(options.retainTask, found, text, evaluationSize);
  const memory = await estimateMemory({
    model,
    parameters,
    optimizer: options,
    length: { stepsPerEpoch: 1000, totalSteps: options.steps ?? 3000 },
    trainingBatch: await imaginedBatch(task, dataset, options.batchSize, maxLength),
    evaluationBatch: await imaginedBatch(task, dataset, evaluationSize, maxLength),
    trainingLoss: task.loss,
    loss: task.loss,
    dropout: options.dropout,
    checkpointing: options.checkpointing,
    sampledBelow: options.sampledBelow,
    ...(reference === undefined
      ? {}
      : { retention: estimatedRetention(reference, { model, parameters }, found, holding) }),
  });
  return {
    architecture: model.architecture,
    parameters: { total: countOf(parameters), trained: countOf(parameters.filter(({ isTrained }) => isTrained)) },
    maxLength,
    memory,
  };
}

function countOf(parameters: Model["parameters"]): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

const measuredSteps = 4;

/** Steps on texts that are as long as they may be, which leave nothing behind. */
async function measure(options: EstimateOptions, maxLength: number): Promise<MeasuredSteps> {
  const { measure: _, retainTask: __, labels, steps, ...run } = options;
  const folder = await mkdtemp(join(tmpdir(), "nanoadam-estimate-"));
  try {
    const text = "word ".repeat(maxLength);
    const rows = imaginedRows(options.task, Math.max(2 * options.batchSize, 2 * labels), labels).map((row) =>
      "tokens" in row ? row : { ...row, text },
    );
    const input: FinetuneInput = {
      ...run,
      train: rows,
      ...(options.task === "token-classification" ? {} : { text: "text" }),
      ...("label" in (rows[0] ?? {}) ? { label: "label" } : {}),
      output: join(folder, "model"),
      maxLength,
      learningRate: 1e-6,
      steps: measuredSteps,
      evalEvery: 1000,
    };
    const { stepMilliseconds, peakRssBytes } = await finetune(input);
    return {
      stepMilliseconds,
      peakRssBytes,
      ...(steps === undefined ? {} : { seconds: (steps * stepMilliseconds) / 1000 }),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
