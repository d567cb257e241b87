/** Weights and gradients of many magnitudes, some of them 0 and some equal, for properties; and their measures by sorting. */
import fc from "fast-check";

const value = fc.oneof(
  fc.double({ min: -12, max: 4, noNaN: true }).map((exponent) => Math.fround(10 ** exponent)),
  fc.constantFrom(0, 1, 0.5, 0.25),
);
const signed = fc.tuple(value, fc.boolean()).map(([size, isNegative]) => (isNegative ? -size : size));

export interface Pair {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
}

/** A tensor with a gradient. */
export const pair: fc.Arbitrary<Pair> = fc
  .array(fc.tuple(signed, signed), { minLength: 1, maxLength: 300 })
  .map((entries) => ({
    weights: Float32Array.from(entries, ([weight]) => weight),
    gradient: Float32Array.from(entries, ([, slope]) => slope),
  }));

/** Several tensors as one. */
export function joined(pairs: readonly Pair[]): Pair {
  const all = (of: keyof Pair) => Float32Array.from(pairs.flatMap((each) => [...each[of]]));
  return { weights: all("weights"), gradient: all("gradient") };
}

/** How far each entry is one of the `count` of smallest, or largest, magnitude: entries at the bound by a part each. */
export function membership(values: Float32Array, count: number, side: "smallest" | "largest"): number[] {
  const sizes = Array.from(values, Math.abs);
  const sorted = sizes.toSorted((a, b) => (side === "smallest" ? a - b : b - a));
  const bound = sorted[count - 1] ?? 0;
  const isInside = (size: number) => (side === "smallest" ? size < bound : size > bound);
  const inside = sizes.filter(isInside).length;
  const equal = sizes.filter((size) => size === bound).length;
  return sizes.map((size) => (isInside(size) ? 1 : size === bound ? (count - inside) / equal : 0));
}
