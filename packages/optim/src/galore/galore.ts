/**
 * GaLore (Zhao et al. 2024; docs/method.md, section 5): Adam in a subspace. Every `updateGap` steps a matrix takes the
 * leading singular vectors P of its gradient G on the short side; Adam's moments are those of the projected gradient,
 * and its direction is projected back. With rows >= columns, R = G P^T and the direction is N P; else R = P G and it is
 * P^T N. Vectors take plain Adam.
 */

import { AdamRule } from "../adamw.js";
import { biasFactorsAt } from "../bias-factors.js";
import { checkAdamConstants, checkCount, checkNames, checkNotNegative, checkParameters } from "../check.js";
import { checkStateKeys, composeOptimizer, stateArray } from "../optimizer.js";
import type { GradientNeed, Optimizer, Parameter, StateArray, TensorRule } from "../types.js";
import { rowProduct, transposed } from "./row-product.js";
import { leadingSingularVectors } from "./singular-vectors.js";

const wholeGradient: GradientNeed = { kind: "whole" };

interface Constants {
  readonly rank: number;
  readonly updateGap: number;
  readonly scale: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
}

/**
 * GaLore on a matrix of short side `s` and long side `l`. States, Float32Array: `projection`, [rank, s]; `first_moment` and
 * `second_moment`, in the layout of the projected gradient: [rows, rank] or [rank, columns].
 */
class GaLoreRule implements TensorRule {
  readonly #values: Float32Array;
  readonly #rows: number;
  readonly #columns: number;
  readonly #constants: Constants;
  readonly #projection: Float32Array;
  readonly #firstMoment: Float32Array;
  readonly #secondMoment: Float32Array;

  constructor(values: Float32Array, [rows, columns]: readonly [number, number], constants: Constants) {
    const rank = Math.min(constants.rank, rows, columns);
    this.#values = values;
    this.#rows = rows;
    this.#columns = columns;
    this.#constants = { ...constants, rank };
    this.#projection = new Float32Array(rank * Math.min(rows, columns));
    this.#firstMoment = new Float32Array(rank * Math.max(rows, columns));
    this.#secondMoment = new Float32Array(rank * Math.max(rows, columns));
  }

  prepare(): void {}

  need(): GradientNeed {
    return wholeGradient;
  }

  apply(gradient: Float32Array, learningRate: number, step: number): void {
    const { rank, updateGap, scale, weightDecay } = this.#constants;
    const values = this.#values;
    if (step % updateGap === 0) {
      const start = step === 0 ? undefined : this.#projection;
      this.#projection.set(leadingSingularVectors(gradient, this.#rows, this.#columns, rank, start));
    }
    const direction = this.#direction(this.#project(gradient), step);
    const keep = 1 - learningRate * weightDecay;
    if (keep !== 1)
      for (let entry = 0; entry < values.length; entry++) values[entry] = (values[entry] as number) * keep;
    this.#moveBack(direction, learningRate * scale);
  }

  /** Adam's direction for the projected gradient, in its place; epsilon joins the second moment before its correction. */
  #direction(projected: Float64Array, step: number): Float64Array {
    const { betas, epsilon } = this.#constants;
    const [beta1, beta2] = betas;
    const { first, root } = biasFactorsAt(step + 1, betas);
    const rate = first / root;
    for (let index = 0; index < projected.length; index++) {
      const slope = projected[index] as number;
      const m = beta1 * (this.#firstMoment[index] as number) + (1 - beta1) * slope;
      const v = beta2 * (this.#secondMoment[index] as number) + (1 - beta2) * slope * slope;
      this.#firstMoment[index] = m;
      this.#secondMoment[index] = v;
      projected[index] = (rate * m) / (Math.sqrt(v) + epsilon);
    }
    return projected;
  }

  #project(gradient: Float32Array): Float64Array {
    const { rank } = this.#constants;
    const [rows, columns, projection] = [this.#rows, this.#columns, this.#projection];
    const isTall = rows >= columns;
    const [left, right] = isTall ? [gradient, transposed(projection, rank, columns)] : [projection, gradient];
    const [inner, outColumns] = isTall ? [columns, rank] : [rows, columns];
    const projected = new Float64Array(this.#firstMoment.length);
    for (let row = 0; row < projected.length / outColumns; row++) {
      const out = projected.subarray(row * outColumns, (row + 1) * outColumns);
      rowProduct(left, row * inner, inner, right, out);
    }
    return projected;
  }

  /** `values -= rate * (the direction, projected back)` */
  #moveBack(direction: Float64Array, rate: number): void {
    const { rank } = this.#constants;
    const [rows, columns, projection, values] = [this.#rows, this.#columns, this.#projection, this.#values];
    const isTall = rows >= columns;
    const [left, right] = isTall ? [direction, projection] : [transposed(projection, rank, rows), direction];
    const back = new Float64Array(columns);
    for (let row = 0; row < rows; row++) {
      rowProduct(left, row * rank, rank, right, back);
      for (let column = 0; column < columns; column++) {
        const entry = row * columns + column;
        values[entry] = (values[entry] as number) - rate * (back[column] as number);
      }
    }
  }

  stateBytes(): number {
    return this.#projection.byteLength + this.#firstMoment.byteLength + this.#secondMoment.byteLength;
  }

  state(): ReadonlyMap<string, StateArray> {
    return new Map([
      ["projection", this.#projection],
      ["first_moment", this.#firstMoment],
      ["second_moment", this.#secondMoment],
    ]);
  }

  restore(state: ReadonlyMap<string, StateArray>): void {
    checkStateKeys(state, ["projection", "first_moment", "second_moment"]);
    const projection = stateArray(state, "projection", Float32Array, this.#projection.length);
    const firstMoment = stateArray(state, "first_moment", Float32Array, this.#firstMoment.length);
    const secondMoment = stateArray(state, "second_moment", Float32Array, this.#secondMoment.length);
    this.#projection.set(projection);
    this.#firstMoment.set(firstMoment);
    this.#secondMoment.set(secondMoment);
  }
}

export interface GaLoreOptions {
  readonly parameters: readonly Parameter[];
  /** Names of matrices updated whole with plain Adam, such as embeddings and heads. None unless given. */
  readonly dense?: Iterable<string> | undefined;
  /** Dimensions of the subspace, at most the short side. 256 unless given. */
  readonly rank?: number | undefined;
  /** Steps between projections. 200 unless given. */
  readonly updateGap?: number | undefined;
  /** Factor of the matrices' steps. 1 unless given. */
  readonly scale?: number | undefined;
  readonly betas?: readonly [number, number] | undefined;
  /** 1e-6 unless given. */
  readonly epsilon?: number | undefined;
  /** Decoupled weight decay, 0 unless given. */
  readonly weightDecay?: number | undefined;
  /** Names of tensors that do not decay, such as biases and normalisation layers. */
  readonly noDecay?: Iterable<string> | undefined;
}

/**
 * GaLore with AdamW. Bytes of state of a matrix of short side `s` and long side `l`: `4 * rank * (s + 2 l)`; of a vector 8
 * per entry.
 *
 * @throws TypeError or RangeError that names the option out of range.
 */
export function createGaLore(options: GaLoreOptions): Optimizer {
  const { parameters, rank = 256, updateGap = 200, scale = 1 } = options;
  const { betas = [0.9, 0.999], epsilon = 1e-6, weightDecay = 0 } = options;
  const dense = new Set(options.dense);
  const noDecay = new Set(options.noDecay);
  checkParameters(parameters);
  checkNames("dense", dense, parameters);
  checkNames("noDecay", noDecay, parameters);
  checkCount("rank", rank, 1);
  checkCount("updateGap", updateGap, 1);
  checkNotNegative("scale", scale);
  checkAdamConstants(betas, epsilon);
  checkNotNegative("weightDecay", weightDecay);
  return composeOptimizer(
    "galore",
    parameters.map((parameter) => {
      const { name, shape, values } = parameter;
      const decay = noDecay.has(name) ? 0 : weightDecay;
      const [rows, columns, ...more] = shape;
      const isMatrix = rows !== undefined && columns !== undefined && more.length === 0;
      if (!isMatrix || values.length === 0 || dense.has(name)) {
        const adam = { betas, epsilon, weightDecay: decay, biasCorrection: true, epsilonBeforeCorrection: true };
        return { parameter, rule: new AdamRule(values, adam) };
      }
      const constants = { rank, updateGap, scale, betas, epsilon, weightDecay: decay };
      return { parameter, rule: new GaLoreRule(values, [rows, columns], constants) };
    }),
  );
}
