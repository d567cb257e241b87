import { createAdamW, createNanoAdam, type Optimizer } from "@nanoadam/optim";
import type { Pretrained } from "../hub/pretrained.js";
import type { FinetuneOptions } from "./options.js";
import type { Plan } from "./plan.js";

const defaultLearningRates = { nanoadam: 3e-4, adamw: 5e-5 } as const;
const defaultFinalShare = 0.4;

export function defaultLearningRate(optimizer: FinetuneOptions["optimizer"]): number {
  return defaultLearningRates[optimizer];
}

/** Steps between selections and between changes of density: 1/40 and 1/8 of an epoch (METHOD section 3). */
export function intervals(
  options: Pick<FinetuneOptions, "maskInterval" | "densityInterval">,
  { stepsPerEpoch, totalSteps }: Pick<Plan, "stepsPerEpoch" | "totalSteps">,
): { readonly maskInterval: number; readonly densityInterval: number } {
  const epoch = Math.min(stepsPerEpoch, totalSteps);
  return {
    maskInterval: options.maskInterval ?? Math.max(1, Math.round(epoch / 40)),
    densityInterval: options.densityInterval ?? Math.max(1, Math.round(epoch / 8)),
  };
}

/**
 * The parameters that NanoAdam updates whole: normalisation layers and the head (METHOD section 2), and whatever the
 * checkpoint lacked, since a tensor that was just drawn has no small weights to prefer.
 */
export function denseParameters({ model, initialised }: Pick<Pretrained, "model" | "initialised">): string[] {
  const fresh = new Set(initialised);
  return model.parameters
    .filter(({ name, role }) => role === "normalisation" || role === "head" || fresh.has(name))
    .map(({ name }) => name);
}

/** The optimizer of a run, over the model's weights in place. */
export function createOptimizer(options: FinetuneOptions, pretrained: Pretrained, plan: Plan): Optimizer {
  const { model, weights } = pretrained;
  const parameters = model.parameters.map(({ name, shape }) => {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`the weights lack ${name}`);
    return { name, shape, values };
  });
  if (options.optimizer === "adamw") {
    const noDecay = model.parameters.filter(({ role, shape }) => role === "normalisation" || shape.length === 1);
    return createAdamW({
      parameters,
      weightDecay: options.weightDecay,
      noDecay: noDecay.map(({ name }) => name),
    });
  }
  return createNanoAdam({
    parameters,
    dense: denseParameters(pretrained),
    density: options.density,
    finalDensity: options.finalDensity ?? defaultFinalShare * options.density,
    ...intervals(options, plan),
    totalSteps: plan.totalSteps,
    stateOnRefresh: options.stateOnRefresh,
    biasCorrection: options.biasCorrection,
    weightDecay: options.weightDecay,
  });
}
