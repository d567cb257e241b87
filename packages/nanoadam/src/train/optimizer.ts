/** The optimizer of a run, made from its options over the model's weights in place. */
import { type Optimizer, withFrozen, withZerosKept } from "@nanoadam/optim";
import type { Pretrained } from "../checkpoint/pretrained.js";
import { hasAdapter } from "../models/lora.js";
import type { ParameterSpecification } from "../models/parameters.js";
import { isPruned, type RunLength } from "../options/optimizer-entry.js";
import type { OptimizerOptions } from "../options/optimizer-options.js";
import { optimizers } from "../options/optimizers.js";

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
  const trainsHead = model.head.kind === "outputs";
  return model.parameters.filter(
    ({ name, role }) => role === "adapter" || fresh.has(name) || (trainsHead && role === "head"),
  );
}

/** The optimizer of a run, over the model's weights in place; `seed` is for what it chooses at random. */
export function createOptimizer(
  options: OptimizerOptions,
  pretrained: Pretrained,
  { stepsPerEpoch, totalSteps }: RunLength,
  seed: number,
): Optimizer {
  const { model, weights, initialised } = pretrained;
  const fresh = new Set(initialised);
  const parameters = trainedParameters(pretrained).map(({ name, shape, role }) => {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`the weights lack ${name}`);
    return { name, shape, values, role, isFresh: fresh.has(name) };
  });
  const length = { stepsPerEpoch, totalSteps };
  const plain = optimizers[options.optimizer].create(options, { parameters, length, seed });
  const optimizer = options.keepZeros ? withZerosKept(plain, parameters.filter(isPruned)) : plain;
  const names = new Set(parameters.map(({ name }) => name));
  const frozen = model.parameters.filter(({ name }) => !names.has(name));
  return frozen.length === 0
    ? optimizer
    : withFrozen(
        optimizer,
        frozen.map(({ name }) => name),
      );
}
