/** The optimizer of a run, made from its options over the model's weights in place. */
import {
  createAdamW,
  createAdamW8bit,
  createGaLore,
  createMicroAdam,
  createNanoAdam,
  createSgd,
  type Optimizer,
  type Parameter,
  type WeightArray,
  withFrozen,
} from "@nanoadam/optim";
import type { Pretrained } from "../checkpoint/pretrained.js";
import { hasAdapter } from "../models/lora.js";
import type { ParameterSpecification } from "../models/model.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import type { OptimizerName, OptimizerOptions } from "../options/optimizer-options.js";
import type { Plan } from "./plan.js";

const defaultLearningRates: Readonly<Record<OptimizerName, number>> = {
  nanoadam: 3e-4,
  adamw: 5e-5,
  adamw8bit: 5e-5,
  microadam: 5e-5,
  galore: 1e-4,
  sgd: 1e-2,
};
/** An adapter starts from nothing and takes larger steps. */
const adapterFactor = 4;
const defaultFinalShare = 0.4;

/** The rate of a run that names none. */
export function defaultLearningRate({ optimizer, adapter }: Pick<FinetuneOptions, "optimizer" | "adapter">): number {
  return defaultLearningRates[optimizer.optimizer] * (adapter.loraRank === undefined ? 1 : adapterFactor);
}

/** Steps between selections and between changes of density: 1/40 and 1/8 of an epoch (METHOD section 3). */
export function intervals(
  options: Pick<OptimizerOptions, "maskInterval" | "densityInterval" | "staticMask">,
  { stepsPerEpoch, totalSteps }: Pick<Plan, "stepsPerEpoch" | "totalSteps">,
): { readonly maskInterval: number; readonly densityInterval: number | undefined } {
  if (options.staticMask) return { maskInterval: totalSteps, densityInterval: undefined };
  const epoch = Math.min(stepsPerEpoch, totalSteps);
  return {
    maskInterval: options.maskInterval ?? Math.max(1, Math.round(epoch / 40)),
    densityInterval: options.densityInterval ?? Math.max(1, Math.round(epoch / 8)),
  };
}

/**
 * The parameters that are trained: all of them; or with an adapter the adapter, whatever the checkpoint lacked, and the head
 * of a task that has one of its own.
 */
export function trainedParameters({
  model,
  initialised,
}: Pick<Pretrained, "model" | "initialised">): readonly ParameterSpecification[] {
  if (!hasAdapter(model)) return model.parameters;
  const fresh = new Set(initialised);
  const trainsHead = model.head.kind === "sequence-classification";
  return model.parameters.filter(
    ({ name, role }) => role === "adapter" || fresh.has(name) || (trainsHead && role === "head"),
  );
}

/**
 * The parameters that NanoAdam updates whole: normalisation layers and the head (METHOD section 2), and whatever the
 * checkpoint lacked, since a tensor that was just drawn has no small weights to prefer. Adapters are selected from.
 */
export function denseParameters(
  pretrained: Pick<Pretrained, "model" | "initialised">,
  { biases }: Pick<OptimizerOptions, "biases"> = { biases: "selected" },
): string[] {
  const fresh = new Set(pretrained.initialised);
  const isDense = ({ name, role }: ParameterSpecification) =>
    role !== "adapter" &&
    (role === "normalisation" || role === "head" || fresh.has(name) || (role === "bias" && biases === "dense"));
  return trainedParameters(pretrained)
    .filter(isDense)
    .map(({ name }) => name);
}

/** The optimizer of a run, over the model's weights in place; `seed` is for what it chooses at random. */
export function createOptimizer(
  options: OptimizerOptions,
  pretrained: Pretrained,
  plan: Plan,
  seed: number,
): Optimizer {
  const { model, weights } = pretrained;
  const trained = trainedParameters(pretrained);
  const parameters = trained.map(({ name, shape }) => {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`the weights lack ${name}`);
    return { name, shape, values };
  });
  const optimizer = optimizerOver(parameters, options, pretrained, plan, seed);
  const names = new Set(trained.map(({ name }) => name));
  const frozen = model.parameters.filter(({ name }) => !names.has(name));
  return frozen.length === 0
    ? optimizer
    : withFrozen(
        optimizer,
        frozen.map(({ name }) => name),
      );
}

function optimizerOver(
  parameters: readonly Parameter<WeightArray>[],
  options: OptimizerOptions,
  pretrained: Pretrained,
  plan: Plan,
  seed: number,
): Optimizer {
  const trained = trainedParameters(pretrained);
  const namesWhere = (matches: (parameter: ParameterSpecification) => boolean) =>
    trained.filter(matches).map(({ name }) => name);
  const noDecay = namesWhere(({ role, shape }) => role === "normalisation" || shape.length === 1);
  if (options.optimizer === "nanoadam") {
    return createNanoAdam({
      parameters,
      weightDecay: options.weightDecay,
      dense: denseParameters(pretrained, options),
      density: options.density,
      finalDensity: options.finalDensity ?? defaultFinalShare * options.density,
      ...intervals(options, plan),
      totalSteps: plan.totalSteps,
      chunkSize: options.chunkSize,
      stateOnRefresh: options.stateOnRefresh,
      biasCorrection: options.biasCorrection,
      stateType: options.stateDtype,
      criterion: options.criterion,
      skipZeros: options.skipZeros,
      seed,
    });
  }
  const common = { parameters: parameters.map(inFloat32), weightDecay: options.weightDecay };
  switch (options.optimizer) {
    case "adamw":
      return createAdamW({ ...common, noDecay });
    case "adamw8bit":
      return createAdamW8bit({ ...common, noDecay });
    case "microadam":
      return createMicroAdam({
        ...common,
        noDecay,
        window: options.microadamWindow,
        density: options.microadamDensity,
      });
    case "galore":
      return createGaLore({
        ...common,
        noDecay,
        // As its authors do, only the matrices of layers are projected.
        dense: namesWhere(({ role }) => role === "embedding" || role === "head"),
        rank: options.galoreRank,
        updateGap: options.galoreGap,
        scale: options.galoreScale,
      });
    case "sgd":
      return createSgd({ ...common, noDecay, momentum: options.momentum });
  }
}

function inFloat32({ name, shape, values }: Parameter<WeightArray>): Parameter {
  if (values instanceof Float32Array) return { name, shape, values };
  throw new Error(`${name} is held in bfloat16, but is to be updated whole`);
}
