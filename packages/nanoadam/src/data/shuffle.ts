import { type RandomKey, uniform } from "@nanoadam/engine";

/**
 * The numbers 0 to count - 1 in an order that is a pure function of its arguments (Fisher-Yates on the project's
 * counter-based generator). `step` tells epochs apart.
 */
export function shuffledIndices(count: number, seed: number, site: number, step = 0): Uint32Array {
  const key: RandomKey = { seed, step, site };
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(uniform(key, last) * (last + 1));
    const kept = order[last] as number;
    order[last] = order[other] as number;
    order[other] = kept;
  }
  return order;
}
