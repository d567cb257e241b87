import { createAdamW } from "@nanoadam/optim";
import type { Model } from "../models/model.js";
import type { Weights } from "../program/compile-stages.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";

/** An accumulator that asks for every gradient of a model whole, as AdamW does. */
export function wholeGradients(model: Pick<Model, "parameters">, weights: Weights): GradientAccumulator {
  const parameters = model.parameters.map(({ name, shape }) => {
    const values = weights.get(name);
    return { name, shape, values: values instanceof Float32Array ? values : new Float32Array() };
  });
  const accumulator = new GradientAccumulator(model.parameters);
  accumulator.begin(createAdamW({ parameters }));
  return accumulator;
}

/** What an accumulator has gathered, of an optimizer that takes everything in float32. */
export function float32Sums(accumulator: GradientAccumulator): ReadonlyMap<string, Float32Array> {
  return new Map(
    [...accumulator.sums()].map(([name, sum]) => {
      if (sum instanceof Float32Array) return [name, sum];
      throw new Error(`the gradient of ${name} is in bfloat16`);
    }),
  );
}
