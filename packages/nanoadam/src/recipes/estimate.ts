/** What a run will take, told from configuration and options before anything is read or computed. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import { openModelFolder } from "../checkpoint/adapter.js";
import { locateModel } from "../checkpoint/locate-model.js";
import type { Batch } from "../data/batch.js";
import { imageFile } from "../data/images/image-entry.js";
import { plainProcessor } from "../data/images/image-processor.js";
import { loadImageProcessor } from "../data/images/load-processor.js";
import { createLabelMap } from "../data/labels.js";
import { openDataSource } from "../data/source.js";
import type { TextEncoder } from "../data/text/encoder.js";
import { InputError } from "../errors.js";
import { imaginedBatch, imaginedEncoder, imaginedLabels, imaginedRows } from "../estimate/imagined-data.js";
import { estimateMemory, type MemoryEstimate } from "../estimate/memory.js";
import { estimatedParameters, type ModelSource } from "../estimate/parameters.js";
import { estimatedRetention, imaginedReference } from "../estimate/retention.js";
import { type WayOut, waysOut } from "../estimate/ways-out.js";
import { memoryLimit, returnsFreedMemory } from "../files/memory-limit.js";
import { readJsonObject } from "../files/read-json.js";
import { defineModel } from "../models/architectures.js";
import { type ImageInput, type Model, requireTexts, type TextInput } from "../models/model.js";
import { type EstimateInput, type EstimateOptions, estimateSchema } from "../options/estimate-options.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { mayHoldBfloat16 } from "../options/optimizer-options.js";
import { type OptimizerName, optimizerNames } from "../options/optimizers.js";
import { parseOptions } from "../options/parse-options.js";
import { imageClassificationTask } from "../tasks/image-classification.js";
import { textFiles } from "../tasks/model-files.js";
import { taskKind, taskKindFor, taskOfData } from "../tasks/registry.js";
import type { Task } from "../tasks/task.js";
import { withAdapter } from "../train/prepare.js";
import { finetune } from "./finetune.js";

/** What a run takes, in bytes. */
export interface Estimate {
  readonly architecture: string;
  /** Of the model, and those of them that are trained. */
  readonly parameters: { readonly total: number; readonly trained: number };
  readonly batchSize: number;
  /** Tokens of a text; absent for models of images. */
  readonly maxLength?: number;
  /** Of images, in pixels; absent for models of texts. */
  readonly imageSize?: readonly [height: number, width: number];
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
 * Texts are taken to be as long as they may be, and images to be of the model's size.
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
    ...(options.measure ? { measured: await measure(options, run) } : {}),
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
  source: ModelSource,
): Promise<Pick<Estimate, "architecture" | "parameters" | "memory"> & ExampleSize> {
  const { config, entries, folder } = source;
  const { backbone } = defineModel(config, { kind: "outputs", per: "example", outputs: 1 });
  const { input } = backbone;
  const { task, batch, size, text } =
    input.kind === "image"
      ? await imaginedImages(input, options, source)
      : await imaginedTexts(requireTexts(input, folder), options, config);
  const base = defineModel(config, task.head);
  const model = withAdapter(base, options);
  const found = { folder, config, entries };
  const holding = { model: options, optimizer: options, adapter: options, output: options };
  const parameters = estimatedParameters(model, found, holding);
  if (options.retainTask !== undefined && text === undefined) {
    throw new InputError(`\`retainTask\` can be estimated for models of texts, but ${folder} takes in images`);
  }
  const reference =
    options.retainTask === undefined || text === undefined
      ? undefined
      : await imaginedReference(options.retainTask, found, text, options.batchSize);
  const memory = await estimateMemory({
    model,
    parameters,
    optimizer: options,
    length: { stepsPerEpoch: 1000, totalSteps: options.steps ?? 3000 },
    trainingBatch: batch,
    evaluationBatch: batch,
    trainingLoss: task.loss,
    loss: task.loss,
    dropout: options.dropout,
    checkpointing: options.checkpointing,
    movesAtOnce: options.clip === 0 && options.accumulate === 1,
    returnsFreedMemory: returnsFreedMemory(),
    sampledBelow: options.sampledBelow,
    ...(reference === undefined
      ? {}
      : { retention: estimatedRetention(reference, { model, parameters }, found, holding) }),
  });
  return {
    architecture: model.architecture,
    parameters: { total: countOf(parameters), trained: countOf(parameters.filter(({ isTrained }) => isTrained)) },
    ...size,
    memory,
  };
}

type ExampleSize = Pick<Estimate, "maxLength" | "imageSize">;

/** Examples of a run whose data nobody has named. */
interface ImaginedExamples {
  readonly task: Task;
  readonly batch: Batch;
  readonly size: ExampleSize;
  /** What encodes them, where they are texts. */
  readonly text?: TextEncoder;
}

/** Texts as long as they may be. */
async function imaginedTexts(
  input: TextInput,
  options: EstimateOptions,
  config: ModelSource["config"],
): Promise<ImaginedExamples> {
  const kind = taskKind(options.task);
  const maxLength = options.maxLength ?? Math.min(input.maximumLength, kind.usualLength ?? 128);
  if (maxLength > input.maximumLength) {
    throw new InputError(
      `\`maxLength\` is ${maxLength}, expected at most the model's ${input.maximumLength} positions`,
    );
  }
  const text = imaginedEncoder({ maxLength, vocabularySize: input.vocabularySize });
  const source = await openDataSource(
    imaginedRows(options.task, options.batchSize, options.labels),
    "train",
    kind.name === "token-classification" ? {} : { text: ["text"], label: kind.needsLabel ? ["label"] : undefined },
  );
  const task = await taskOfData(kind, source, textFiles(text), { config });
  const batch = await imaginedBatch(task, await task.read(source), options.batchSize, maxLength);
  return { task, batch, size: { maxLength }, text };
}

/** Images of the size that the folder's preprocessor_config.json says, or the model's. */
async function imaginedImages(
  input: ImageInput,
  { task: name, maxLength, labels, batchSize }: EstimateOptions,
  { folder }: ModelSource,
): Promise<ImaginedExamples> {
  if (maxLength !== undefined) throw new InputError(`\`maxLength\` is for texts, but ${folder} takes in images`);
  const place = await locateModel(folder);
  const file = join(place, "preprocessor_config.json");
  const { images } =
    (await readJsonObject(file)) === undefined
      ? { images: plainProcessor(input) }
      : await loadImageProcessor(place, input.channels);
  taskKindFor(name, { kind: "image", images, paths: [], maximumSize: images.height * images.width });
  const task = imageClassificationTask({ labels: createLabelMap(imaginedLabels(labels)), images });
  const numbers = new Float32Array(input.channels * images.height * images.width);
  const image = { entry: imageFile(""), label: 0, numbers };
  const batch = task.collate(new Array<typeof image>(batchSize).fill(image), numbers.length);
  return { task: task as Task, batch, size: { imageSize: [images.height, images.width] } };
}

function countOf(parameters: Model["parameters"]): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

const measuredSteps = 4;

/** Steps on texts that are as long as they may be, or on images, which leave nothing behind. */
async function measure(options: EstimateOptions, size: ExampleSize): Promise<MeasuredSteps> {
  const { measure: _, retainTask: __, labels, steps, ...run } = options;
  const folder = await mkdtemp(join(tmpdir(), "nanoadam-estimate-"));
  try {
    const examples = Math.max(2 * options.batchSize * options.accumulate, 2 * labels);
    const input: FinetuneInput = {
      ...run,
      ...(size.maxLength === undefined
        ? { train: await imaginedImageFile(folder, examples, labels) }
        : textsToMeasure(options, examples, size.maxLength)),
      output: join(folder, "model"),
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

function textsToMeasure(
  { task, labels }: EstimateOptions,
  examples: number,
  maxLength: number,
): Pick<FinetuneInput, "train" | "text" | "label" | "maxLength"> {
  const text = "word ".repeat(maxLength);
  const rows = imaginedRows(task, examples, labels).map((row) => ("tokens" in row ? row : { ...row, text }));
  return {
    train: rows,
    ...(task === "token-classification" ? {} : { text: "text" }),
    ...("label" in (rows[0] ?? {}) ? { label: "label" } : {}),
    maxLength,
  };
}

/** A file in CIFAR's form: its images are brought to any size, and nothing decodes them. */
async function imaginedImageFile(folder: string, images: number, labels: number): Promise<string> {
  if (labels > 256) throw new InputError(`\`measure\` takes at most 256 \`labels\` of images, found ${labels}`);
  const file = join(folder, "images.bin");
  const record = 1 + 3 * 32 * 32;
  const bytes = Uint8Array.from({ length: images * record }, (_, place) =>
    place % record === 0 ? (place / record) % labels : (place * 7919) % 251,
  );
  await writeFile(file, bytes);
  return file;
}
