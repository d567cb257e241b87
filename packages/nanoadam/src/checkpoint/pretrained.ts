/**
 * From a checkpoint folder to a model with weights. A checkpoint made for another head (masked-LM, none) gives its
 * encoder, which must be whole. What a head lacks is freshly initialised, tensors that the model does not need are ignored, and
 * the result names both.
 */
import { fillNormal, fillUniform, sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";
import { defineModel } from "../models/architectures.js";
import { type HeadSpecification, type Model, parametersOf } from "../models/model.js";
import type { BufferSpecification, ParameterSpecification } from "../models/parameters.js";
import { randomSites } from "../random-streams.js";
import type { Checkpoint } from "./checkpoint.js";
import { asFloat32 } from "./floats.js";
import { type FoundTensor, parameterFinder } from "./parameter-names.js";
import type { SafetensorsDtype } from "./safetensors.js";
import type { CheckpointEntry } from "./weight-files.js";

export interface Pretrained {
  readonly model: Model;
  /** By name of parameter, in float32 or as the bits of bfloat16; and by name of buffer, in float32. */
  readonly weights: ReadonlyMap<string, WeightArray>;
  /** For each parameter, the checkpoint's tensor that it came from. */
  readonly sources: ReadonlyMap<string, TensorSource>;
  /** Parameters that the checkpoint lacks, freshly initialised; an adapter's are not counted. */
  readonly initialised: readonly string[];
  /** Tensors of the checkpoint that the model does not use. */
  readonly unused: readonly string[];
  /** Of those the ones that would be the head's, were they of its size. */
  readonly misfits: readonly Misfit[];
}

/** A tensor of a checkpoint, how it is stored, and which of its entries is the parameter's first. */
export interface TensorSource {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly start: number;
}

/** A tensor of a head of another size. */
export interface Misfit {
  readonly entry: CheckpointEntry;
  readonly expected: readonly number[];
}

/** "keep": what a checkpoint stores in bfloat16 is held in it, all else in float32. */
export const weightStorages = ["keep", "float32", "bfloat16"] as const;
export type WeightStorage = (typeof weightStorages)[number];

export interface LoadOptions {
  readonly fromScratch?: boolean;
  /** Draw the head's output layer afresh although the checkpoint has one of its shape, as its rows mean other classes. */
  readonly freshHead?: boolean;
  readonly adapt?: (model: Model) => Model;
  /** How linear layers and embeddings of the checkpoint are held. "keep" unless given. */
  readonly hold?: WeightStorage;
}

/**
 * Reads the weights of the model that a checkpoint's config describes, with the given head and what `adapt` adds; with
 * `fromScratch` all are freshly initialised.
 * @throws InputError for a tensor of the wrong shape or dtype, non-finite weights, or a folder that is no such model, or has not
 * all of its layers.
 */
export async function loadPretrained(
  checkpoint: Checkpoint,
  head: HeadSpecification,
  seed: number,
  options: LoadOptions = {},
): Promise<Pretrained> {
  const base = defineModel(checkpoint.config, head);
  const model = options.adapt?.(base) ?? base;
  const weights = new Map<string, WeightArray>();
  const found: Sources =
    options.fromScratch === true ? { sources: new Map(), misfits: [] } : findSources(checkpoint, model);
  const { misfits } = found;
  const isRead = (parameter: ParameterSpecification) => !(options.freshHead === true && isOutputLayer(parameter, head));
  const read = new Set(model.parameters.filter(isRead).map(({ name }) => name));
  const sources = new Map([...found.sources].filter(([name]) => read.has(name)));
  const initialised: string[] = [];
  for (const parameter of model.parameters) {
    const source = sources.get(parameter.name);
    if (source === undefined) {
      if (parameter.role !== "adapter") initialised.push(parameter.name);
      weights.set(parameter.name, initialValues(model, parameter, seed, weights));
    } else {
      const size = sizeOf(parameter.shape);
      const isNarrow = isHeldInBfloat16(parameter, checkpoint.entries.get(source.name), options.hold ?? "keep");
      const values = isNarrow ? new Uint16Array(size) : new Float32Array(size);
      await checkpoint.read(source.name, values, source.start);
      weights.set(parameter.name, values);
    }
  }
  const buffers = options.fromScratch === true ? new Map<string, FoundTensor>() : findBuffers(checkpoint, model);
  for (const buffer of model.buffers) {
    weights.set(buffer.name, await readBuffer(buffer, buffers.get(buffer.name), checkpoint));
  }
  const used = new Set([
    ...[...sources.values()].map(({ name }) => name),
    ...[...buffers.values()].map(({ entry }) => entry.name),
  ]);
  const ignored = new Set(model.tiedNames);
  const unused = [...checkpoint.entries.keys()].filter((name) => !used.has(name) && !ignored.has(name));
  return { model, weights, sources, initialised, unused, misfits };
}

function isOutputLayer({ role, shape }: ParameterSpecification, head: HeadSpecification): boolean {
  return role === "head" && head.kind === "outputs" && shape[0] === head.outputs;
}

export function isHeldInBfloat16(
  { role }: ParameterSpecification,
  entry: CheckpointEntry | undefined,
  hold: WeightStorage,
): boolean {
  if (role !== "weight" && role !== "embedding") return false;
  return hold === "keep" ? entry?.dtype === "BF16" && entry.isAdapted !== true : hold === "bfloat16";
}

type Sources = Pick<Pretrained, "sources" | "misfits">;

/**
 * The checkpoint's tensor for each parameter of the model that it has, how that is stored, and what is of another size.
 *
 * @throws InputError for a tensor of the wrong shape, or a checkpoint that lacks a part of the backbone.
 */
export function findSources(checkpoint: Pick<Checkpoint, "folder" | "entries">, model: Model): Sources {
  const sources = new Map<string, TensorSource>();
  const misfits: Misfit[] = [];
  const find = parameterFinder(checkpoint.entries, model);
  for (const { name, shape: expected, role } of model.parameters) {
    const found = find(name);
    if (found === undefined) continue;
    const { entry, shape, start } = found;
    if (String(shape) === String(expected)) sources.set(name, { name: entry.name, dtype: entry.dtype, start });
    else if (role === "head") misfits.push({ entry, expected });
    else {
      throw new InputError(
        `${entry.file}: tensor "${entry.name}" has shape [${entry.shape.join(", ")}], expected [${expected.join(", ")}] by config.json`,
      );
    }
  }
  requireBackbone(checkpoint, model, sources);
  return { sources, misfits };
}

/**
 * The checkpoint's tensor for each buffer. Numbers of batches may be missing, since nothing depends on them.
 * @throws InputError for a buffer that is missing, or of the wrong shape.
 */
export function findBuffers(
  { folder, entries }: Pick<Checkpoint, "folder" | "entries">,
  model: Model,
): ReadonlyMap<string, FoundTensor> {
  const find = parameterFinder(entries, model);
  const buffers = new Map<string, FoundTensor>();
  for (const { name, shape, isCount } of model.buffers) {
    const found = find(name);
    if (found === undefined) {
      if (isCount === true) continue;
      throw new InputError(
        `${folder}: the statistics "${name}" are missing, without which the model computes something else`,
      );
    }
    if (String(found.shape) !== String(shape)) {
      throw new InputError(
        `${found.entry.file}: tensor "${found.entry.name}" has shape [${found.shape.join(", ")}], expected [${shape.join(", ")}] by config.json`,
      );
    }
    buffers.set(name, found);
  }
  return buffers;
}

async function readBuffer(
  { shape, initial }: BufferSpecification,
  found: FoundTensor | undefined,
  checkpoint: Pick<Checkpoint, "read">,
): Promise<Float32Array> {
  const values = new Float32Array(sizeOf(shape)).fill(initial);
  if (found !== undefined) await checkpoint.read(found.entry.name, values, found.start);
  return values;
}

/** A pooler belongs to the head in this: encoders without one are common. */
function requireBackbone(
  { folder, entries }: Pick<Checkpoint, "folder" | "entries">,
  model: Model,
  sources: ReadonlyMap<string, unknown>,
): void {
  const parameters = parametersOf(model.backbone.stages);
  const missing = parameters.filter(({ name }) => !sources.has(name)).map(({ name }) => `"${name}"`);
  if (missing.length === 0) return;
  const instance = [...entries.keys()][0] ?? "none";
  if (missing.length === parameters.length) {
    throw new InputError(
      `${folder}: no tensor fits a ${model.architecture}; the first would be ${missing[0]}, and it has for instance "${instance}"`,
    );
  }
  const more = missing.length > 2 ? `, ${missing[1]} and ${missing.length - 2} more` : "";
  throw new InputError(
    `${folder}: ${missing.length} of the ${parameters.length} tensors that config.json describes before the head are missing: ${missing[0]}${more}. Mend config.json (its number of layers?) or the weights, or train all weights anew with \`fromScratch\``,
  );
}

/** Gives weights back the values that they were loaded with: the checkpoint's, read again, and what was drawn. */
export async function restoreStart(
  { model, weights, sources }: Pretrained,
  checkpoint: Pick<Checkpoint, "read" | "folder" | "entries">,
  seed: number,
): Promise<void> {
  for (const parameter of model.parameters) {
    const values = weights.get(parameter.name);
    const source = sources.get(parameter.name);
    if (values === undefined) continue;
    if (source !== undefined) await checkpoint.read(source.name, values, source.start);
    else values.set(initialValues(model, parameter, seed, weights));
  }
  if (model.buffers.length === 0) return;
  // A model that was drawn has no source at all, and buffers that go with it.
  const buffers = sources.size === 0 ? new Map<string, FoundTensor>() : findBuffers(checkpoint, model);
  for (const buffer of model.buffers) {
    weights.get(buffer.name)?.set(await readBuffer(buffer, buffers.get(buffer.name), checkpoint));
  }
}

/**
 * The values that a parameter starts from when no checkpoint has it: a function of the seed and its place alone, or of another
 * parameter, which `weights` then has.
 */
export function initialValues(
  model: Pick<Model, "parameters">,
  parameter: ParameterSpecification,
  seed: number,
  weights?: ReadonlyMap<string, WeightArray>,
): Float32Array {
  const { initialisation, shape } = parameter;
  if (initialisation.kind === "row-norms") return rowNorms(weights?.get(initialisation.of), shape);
  const values = new Float32Array(sizeOf(shape));
  if (initialisation.kind === "constant") return values.fill(initialisation.value);
  const key = { seed, step: 0, site: randomSites.initialisation(model.parameters.indexOf(parameter)) };
  if (initialisation.kind === "uniform") fillUniform(values, initialisation.bound, key);
  else fillNormal(values, initialisation.standardDeviation, key);
  return values;
}

/** The lengths of a matrix's rows, as many as there are numbers in `shape`. */
function rowNorms(matrix: WeightArray | undefined, shape: readonly number[]): Float32Array {
  const rows = sizeOf(shape);
  if (matrix === undefined) throw new Error("the lengths of rows are wanted of a parameter that is not there yet");
  const columns = matrix.length / rows;
  const wide = new Float32Array(columns);
  return Float32Array.from({ length: rows }, (_, row) => {
    const own = asFloat32(matrix.subarray(row * columns, (row + 1) * columns), wide);
    return Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
  });
}
