import type { WeightArray } from "@nanoadam/optim";
import { narrowToBfloat16, widenBfloat16 } from "../checkpoint/floats.js";
import type { ParameterSpecification } from "../models/parameters.js";

/** Weights of which matrices and embeddings are held in bfloat16; what they are in float32 becomes what that spells. */
export function heldInBfloat16(
  parameters: readonly ParameterSpecification[],
  weights: ReadonlyMap<string, Float32Array>,
): Map<string, WeightArray> {
  const held = new Map<string, WeightArray>(weights);
  for (const { name, role } of parameters) {
    const values = weights.get(name);
    if (values === undefined || (role !== "weight" && role !== "embedding")) continue;
    const halves = new Uint16Array(values.length);
    narrowToBfloat16(values, halves);
    widenBfloat16(halves, values);
    held.set(name, halves);
  }
  return held;
}
