/** One look at a run: the measures of `analysis/` over its weights, the gradients of a batch, and the optimizer's moments. */
import { type Optimizer, type Selection, selectSmallest, type WeightArray } from "@nanoadam/optim";
import type { GroupFigures, ProbeRecord } from "../analysis/analysis.js";
import {
  addChanges,
  type ChangeSums,
  changeFrom,
  changeRecord,
  type GroupBounds,
  groupBounds,
  noChange,
} from "../analysis/change.js";
import { effectiveRates, type RateSum } from "../analysis/effective-rate.js";
import { GradientFigures, type SeenFigures } from "../analysis/gradient-figures.js";
import { addMoves, compareEntries, noMoves } from "../analysis/magnitude-kernel.js";
import { asFloat32 } from "../checkpoint/floats.js";
import { addProduct } from "../checkpoint/low-rank-product.js";
import type { Model } from "../models/model.js";
import type { ParameterSpecification } from "../models/parameters.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import { optimizers } from "../options/optimizers.js";
import { loraSettings, type PreparedRun } from "../train/prepare.js";
import type { TrainingSession } from "./training-session.js";
import { adapterProduct, pieceMemory, startReader, type TrainedWeights, weightPieces } from "./weight-shift.js";

/** What is looked at. */
export interface ProbedRun {
  readonly options: FinetuneOptions;
  readonly run: Pick<PreparedRun, "pretrained" | "checkpoint">;
  readonly session: Pick<TrainingSession, "probe">;
  readonly optimizer: Pick<Optimizer, "stateInPlace" | "completedSteps">;
  /** Kept from look to look, by parameter. */
  readonly bounds: Map<string, GroupBounds>;
}

/** What a look finds; when that was is for the one who looks to say. */
export type Look = Omit<ProbeRecord, "step" | "epoch" | "seconds">;

/**
 * Looks at a run. Gradients are reduced as they come, and what weights began as is read again tensor by tensor.
 * @param learningRate of the last step; undefined before the first
 * @throws RangeError where numbers are not finite
 */
export async function lookAt(probed: ProbedRun, learningRate: number | undefined): Promise<Look> {
  const { options, run, session } = probed;
  const { model, weights } = run.pretrained;
  const { density, chunkSize } = options.optimizer;
  const layerOf = layersOf(model);
  const parameters = new Map(model.parameters.map((parameter) => [parameter.name, parameter]));
  const isInWhole = (parameter: ParameterSpecification) => isMatrix(parameter) && parameter.role !== "head";
  const valuesOf = (name: string) => asFloat32(weights.get(name) ?? new Float32Array());
  const wholeLength = model.parameters
    .filter(isInWhole)
    .reduce((sum, { name }) => sum + valuesLength(weights, name), 0);
  const seen = new GradientFigures(Math.max(1, wholeLength));
  // By their places in a stage: those of one layer give way to the next one's.
  const selections: Selection[] = [];
  const { loss, examples } = await session.probe((gradients) => {
    seen.add(
      [...gradients].flatMap(([name, gradient], place) => {
        const parameter = parameters.get(name);
        if (parameter === undefined) return [];
        const values = valuesOf(name);
        const selection = selectSmallest(values, { density, chunkSize, name }, selections[place]);
        selections[place] = selection;
        return [
          {
            name,
            entries: { weights: values, gradient, selection },
            layer: isMatrix(parameter) ? layerOf.get(name) : undefined,
            isInWhole: isInWhole(parameter),
          },
        ];
      }),
    );
  });
  if (!Number.isFinite(loss)) throw new RangeError(`the loss is ${loss}`);
  const changes = await changesOf(probed);
  const rates = learningRate === undefined ? new Map<string, RateSum>() : ratesOf(probed, learningRate);
  const figures = ({ relation, histogram }: SeenFigures, names: readonly string[], moved = names): GroupFigures => {
    const rate = names.map((name) => rates.get(name) ?? noRate).reduce(addRates, noRate);
    return {
      ...relation,
      histogram,
      change: changeRecord(moved.map((name) => changes.get(name) ?? noChange).reduce(addChanges, noChange)),
      ...(rate.entries === 0 ? {} : { effectiveRate: rate.sum / rate.entries }),
    };
  };
  // An adapter's matrices move their layer's weights, and it is those that count.
  const isMoved = (parameter: ParameterSpecification) =>
    isMatrix(parameter) && (model.adapter === undefined || parameter.role !== "adapter");
  const namesWhere = (is: (parameter: ParameterSpecification) => boolean) =>
    model.parameters.filter(is).map(({ name }) => name);
  const inWhole = namesWhere((parameter) => isInWhole(parameter) && seen.tensors.has(parameter.name));
  // One at a time: weights held in bfloat16 are widened for it.
  const whole = seen.whole(function* () {
    for (const name of inWhole) yield valuesOf(name);
  });
  return {
    loss,
    gradientNorm: Math.sqrt(seen.squares),
    examples,
    ...(learningRate === undefined ? {} : { learningRate }),
    ...(whole === undefined
      ? {}
      : {
          whole: figures(
            whole,
            namesWhere(({ role }) => role !== "head"),
            namesWhere((parameter) => isMoved(parameter) && parameter.role !== "head"),
          ),
        }),
    layers: [...seen.layers].toReversed().map(([name, layer]) => {
      const isHere = (parameter: ParameterSpecification) => layerOf.get(parameter.name) === name;
      const moved = namesWhere((parameter) => isHere(parameter) && isMoved(parameter));
      return { name, ...figures(layer, namesWhere(isHere), moved) };
    }),
    tensors: model.parameters.flatMap(({ name, role, shape }) => {
      const tensor = seen.tensors.get(name);
      return tensor === undefined
        ? []
        : [{ name, layer: layerOf.get(name) ?? "", role, shape, ...figures(tensor, [name]) }];
    }),
  };
}

/** What counts in layers and in the whole: weights of products and convolutions, and tables; no biases, and nothing of normalisation. */
function isMatrix({ shape, role }: ParameterSpecification): boolean {
  return shape.length > 1 && role !== "normalisation" && role !== "bias";
}

/** The first stage that has each parameter: there its gradient is whole. */
function layersOf({ stages }: Pick<Model, "stages">): ReadonlyMap<string, string> {
  const layers = new Map<string, string>();
  for (const { name: stage, parameters } of stages) {
    for (const { name } of Object.values(parameters)) if (!layers.has(name)) layers.set(name, stage);
  }
  return layers;
}

function valuesLength(weights: ReadonlyMap<string, WeightArray>, name: string): number {
  return weights.get(name)?.length ?? 0;
}

/** What each tensor moved by that is trained, or that an adapter moves. */
async function changesOf({ options, run, optimizer, bounds }: ProbedRun): Promise<ReadonlyMap<string, ChangeSums>> {
  const { checkpoint, pretrained } = run;
  const lora = loraSettings(pretrained.model, options.adapter);
  const trained = { checkpoint, pretrained, lora, seed: options.training.seed };
  const changes = new Map<string, ChangeSums>();
  const memory = pieceMemory();
  for (const parameter of pretrained.model.parameters) {
    const { name } = parameter;
    const values = pretrained.weights.get(name);
    const product = await adapterProduct(parameter, trained);
    const isTrained = lora === undefined || parameter.role === "adapter" || parameter.role === "head";
    if (values === undefined || (!isTrained && product === undefined)) continue;
    const known = bounds.get(name) ?? groupBounds(await startOf(trained, parameter, values));
    bounds.set(name, known);
    let moves = noMoves;
    for await (const { start, before, now } of weightPieces(trained, parameter, memory)) {
      // Before the first step a product is nothing, to the last bit.
      const isMoved = product !== undefined && optimizer.completedSteps > 0;
      const moved = isMoved ? now.slice() : now;
      if (isMoved) addProduct(moved, start, product);
      moves = addMoves(moves, compareEntries(before, moved, known.lower, known.upper));
    }
    changes.set(name, changeFrom(moves, values.length, known));
  }
  return changes;
}

/** All of what a parameter began as. */
async function startOf(
  trained: TrainedWeights,
  parameter: ParameterSpecification,
  values: WeightArray,
): Promise<Float32Array> {
  const start = values instanceof Float32Array ? new Float32Array(values.length) : new Uint16Array(values.length);
  await startReader(trained, parameter)(start, 0);
  return asFloat32(start);
}

const noRate: RateSum = { sum: 0, entries: 0 };

function addRates(a: RateSum, b: RateSum): RateSum {
  return { sum: a.sum + b.sum, entries: a.entries + b.entries };
}

/** Of each tensor with second moments. */
function ratesOf({ options, optimizer }: ProbedRun, learningRate: number): ReadonlyMap<string, RateSum> {
  const rates = new Map<string, RateSum>();
  const moments = optimizers[options.optimizer.optimizer].secondMoments?.(options.optimizer);
  if (moments === undefined) return rates;
  const ending = "/second_moment";
  for (const [key, state] of optimizer.stateInPlace().tensors) {
    if (!key.endsWith(ending) || !(state instanceof Float32Array || state instanceof Uint16Array)) continue;
    rates.set(key.slice(0, -ending.length), effectiveRates(state, learningRate, optimizer.completedSteps, moments));
  }
  return rates;
}
