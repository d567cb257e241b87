/**
 * From a checkpoint folder to a model with weights. A checkpoint made for another head (masked-LM, none) gives its
 * encoder. Tensors that it lacks are freshly initialised, those that the model does not need are ignored, and the
 * result names both.
 */
import { fillNormal, fillUniform, sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";
import { defineModel } from "../models/architectures.js";
import type { HeadSpecification, Model } from "../models/model.js";
import type { ParameterSpecification } from "../models/parameters.js";
import { randomSites } from "../random-streams.js";
import type { Checkpoint } from "./checkpoint.js";
import type { SafetensorsDtype } from "./safetensors.js";
import type { CheckpointEntry } from "./weight-files.js";

export interface Pretrained {
  readonly model: Model;
  /** By parameter name: in float32, or as the bits of bfloat16. */
  readonly weights: ReadonlyMap<string, WeightArray>;
  /** For each parameter, the checkpoint's tensor that it came from, and how that is stored. */
  readonly sources: ReadonlyMap<string, { readonly name: string; readonly dtype: SafetensorsDtype }>;
  /** Parameters that the checkpoint lacks, freshly initialised; an adapter's are not counted. */
  readonly initialised: readonly string[];
  /** Tensors of the checkpoint that the model does not use. */
  readonly unused: readonly string[];
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
 * @throws InputError for a tensor of the wrong shape or dtype, non-finite weights, or a folder that is no such model.
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
  const found: Pretrained["sources"] = options.fromScratch === true ? new Map() : findSources(checkpoint, model);
  const isRead = (parameter: ParameterSpecification) => !(options.freshHead === true && isOutputLayer(parameter, head));
  const read = new Set(model.parameters.filter(isRead).map(({ name }) => name));
  const sources = new Map([...found].filter(([name]) => read.has(name)));
  const initialised: string[] = [];
  for (const parameter of model.parameters) {
    const source = sources.get(parameter.name);
    if (source === undefined) {
      if (parameter.role !== "adapter") initialised.push(parameter.name);
      weights.set(parameter.name, initialValues(model, parameter, seed));
    } else {
      const size = sizeOf(parameter.shape);
      const isNarrow = isHeldInBfloat16(parameter, checkpoint.entries.get(source.name), options.hold ?? "keep");
      const values = isNarrow ? new Uint16Array(size) : new Float32Array(size);
      await checkpoint.read(source.name, values);
      weights.set(parameter.name, values);
    }
  }
  const used = new Set([...sources.values()].map(({ name }) => name));
  const ignored = new Set(model.tiedNames);
  const unused = [...checkpoint.entries.keys()].filter((name) => !used.has(name) && !ignored.has(name));
  return { model, weights, sources, initialised, unused };
}

function isOutputLayer({ role, shape }: ParameterSpecification, head: HeadSpecification): boolean {
  return role === "head" && head.kind === "outputs" && shape[0] === head.outputs;
}

function isHeldInBfloat16(
  { role }: ParameterSpecification,
  entry: CheckpointEntry | undefined,
  hold: WeightStorage,
): boolean {
  if (role !== "weight" && role !== "embedding") return false;
  return hold === "keep" ? entry?.dtype === "BF16" && entry.isAdapted !== true : hold === "bfloat16";
}

/**
 * The checkpoint's tensor for each parameter of the model that it has, and how that is stored.
 *
 * @throws InputError for a tensor of the wrong shape, or a checkpoint that has none.
 */
export function findSources(checkpoint: Checkpoint, model: Model): Pretrained["sources"] {
  const sources = new Map<string, { name: string; dtype: SafetensorsDtype }>();
  for (const parameter of model.parameters) {
    const entry = sourceOf(checkpoint, model, parameter);
    if (entry !== undefined) sources.set(parameter.name, { name: entry.name, dtype: entry.dtype });
  }
  if (sources.size === 0) {
    throw new InputError(
      `${checkpoint.folder}: no tensor fits a ${model.architecture}; it has for instance "${[...checkpoint.entries.keys()][0] ?? "none"}"`,
    );
  }
  return sources;
}

/** The checkpoint's tensor for a parameter; a head of another size counts as missing. */
function sourceOf(checkpoint: Checkpoint, model: Model, parameter: ParameterSpecification) {
  for (const name of namesInCheckpoints(parameter.name, model.backbone.name)) {
    const entry = checkpoint.entries.get(name);
    if (entry === undefined) continue;
    const fits =
      entry.shape.length === parameter.shape.length && entry.shape.every((side, i) => side === parameter.shape[i]);
    if (fits) return entry;
    if (parameter.role === "head") return undefined;
    throw new InputError(
      `${entry.file}: tensor "${name}" has shape [${entry.shape.join(", ")}], expected [${parameter.shape.join(", ")}] by config.json`,
    );
  }
  return undefined;
}

/** A parameter's name, then those that base-model checkpoints and old TensorFlow conversions give it. */
function namesInCheckpoints(name: string, basePrefix: string): string[] {
  const names = [name];
  if (name.startsWith(`${basePrefix}.`)) names.push(name.slice(basePrefix.length + 1));
  const old = names.map((known) =>
    known.replace(/LayerNorm\.weight$/, "LayerNorm.gamma").replace(/LayerNorm\.bias$/, "LayerNorm.beta"),
  );
  return [...names, ...old];
}

/** Gives weights back the values that they were loaded with: the checkpoint's, read again, and what was drawn. */
export async function restoreStart(
  { model, weights, sources }: Pretrained,
  checkpoint: Pick<Checkpoint, "read">,
  seed: number,
): Promise<void> {
  for (const parameter of model.parameters) {
    const values = weights.get(parameter.name);
    const source = sources.get(parameter.name);
    if (values === undefined) continue;
    if (source !== undefined) await checkpoint.read(source.name, values);
    else values.set(initialValues(model, parameter, seed));
  }
}

/** The values that a parameter starts from when no checkpoint has it: a function of the seed and its place alone. */
export function initialValues(model: Model, parameter: ParameterSpecification, seed: number): Float32Array {
  const { initialisation, shape } = parameter;
  const values = new Float32Array(sizeOf(shape));
  if (initialisation.kind === "constant") return values.fill(initialisation.value);
  const key = { seed, step: 0, site: randomSites.initialisation(model.parameters.indexOf(parameter)) };
  if (initialisation.kind === "uniform") fillUniform(values, initialisation.bound, key);
  else fillNormal(values, initialisation.standardDeviation, key);
  return values;
}
