import { type Derivative, derive, type TensorFunction } from "@nanoadam/engine";
import { isFasterSampled } from "./gradient-form.js";

/**
 * The derivative of a stage's outputs by the wanted inputs, which may come as products where that is said; but those of convolutions that
 * are as quickly computed whole come so.
 */
export function stageDerivative(
  tensors: TensorFunction,
  outputs: readonly string[],
  wanted: ReadonlyMap<string, readonly "product"[]>,
): Derivative {
  const derivative = derive(tensors, { outputs, inputs: wanted });
  const shapes = new Map(tensors.inputs.map(({ name, value }) => [name, value.type.shape]));
  const whole = [...derivative.gradients].filter(([name, parts]) =>
    parts.some(
      (part) =>
        part.kind === "product" && part.images !== undefined && !isFasterSampled(shapes.get(name) ?? [], part.images),
    ),
  );
  if (whole.length === 0) return derivative;
  return derive(tensors, { outputs, inputs: new Map([...wanted, ...whole.map(([name]) => [name, []] as const)]) });
}
