/**
 * MicroAdam (Modoranu et al. 2024; docs/method.md, section 5): a step keeps only the largest entries of the gradient,
 * what it leaves out is added to the next one's, and Adam's moments are never stored: they are sums over the entries
 * kept in the last steps.
 *
 * So the state of a tensor is a ring of sparse gradients, 16-bit offsets and values in 16 or 32 bits, and the error left
 * out, in 4 bits an entry with a range per bucket. A tensor is worked through block by block: only one block of it is ever
 * held in float32.
 */

import { fromBfloat16, toBfloat16 } from "../bfloat16.js";
import {
  checkAdamConstants,
  checkChoice,
  checkCount,
  checkDensity,
  checkNames,
  checkNotNegative,
  checkParameters,
} from "../check.js";
import { checkStateKeys, composeOptimizer, stateArray } from "../optimizer.js";
import { bitsOf, checkChunkSize, selectionStarts, selectLargestOfChunk } from "../selection/select.js";
import type { GradientNeed, Optimizer, Parameter, StateArray, TensorRule } from "../types.js";
import { PackedError } from "./error-feedback.js";

const wholeGradient: GradientNeed = { kind: "whole" };

export const ringValueTypes = ["bfloat16", "float32"] as const;
export type RingValueType = (typeof ringValueTypes)[number];

interface Constants {
  readonly window: number;
  readonly density: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly blockSize: number;
  readonly bucketSize: number;
  readonly valueType: RingValueType;
}

/** One block in float32, shared by the tensors of an optimizer. */
interface Working {
  readonly gradient: Float32Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/**
 * MicroAdam on one tensor of `n` entries, `k` of which a step keeps. States: `ring_offsets` (Uint16Array) and `ring_values`
 * (Uint16Array of bfloat16, or Float32Array), `window * k`, step `t` in row `t % window`; `error_codes` (Uint8Array, two
 * entries a byte) and `error_ranges` (Float32Array, the least and largest value of each bucket).
 */
class MicroAdamRule implements TensorRule {
  readonly #name: string;
  readonly #values: Float32Array;
  readonly #constants: Constants;
  readonly #working: Working;
  /** Where each block's entries start in a row of the ring. */
  readonly #starts: Uint32Array;
  readonly #kept: number;
  readonly #ringOffsets: Uint16Array;
  readonly #ringValues: Uint16Array | Float32Array;
  readonly #error: PackedError;

  constructor({ name, values }: Parameter, constants: Constants, working: Working) {
    this.#name = name;
    this.#values = values;
    this.#constants = constants;
    this.#working = working;
    this.#starts = selectionStarts(values.length, constants.density, constants.blockSize);
    this.#kept = this.#starts[this.#starts.length - 1] as number;
    const size = constants.window * this.#kept;
    this.#ringOffsets = new Uint16Array(size);
    this.#ringValues = constants.valueType === "bfloat16" ? new Uint16Array(size) : new Float32Array(size);
    this.#error = new PackedError(values.length, constants.bucketSize);
  }

  prepare(): void {}

  need(): GradientNeed {
    return wholeGradient;
  }

  apply(gradient: Float32Array, learningRate: number, step: number): void {
    const { blockSize, weightDecay } = this.#constants;
    const values = this.#values;
    const keep = 1 - learningRate * weightDecay;
    for (let block = 0; block + 1 < this.#starts.length; block++) {
      const start = block * blockSize;
      const length = Math.min(blockSize, values.length - start);
      this.#push(gradient, block, start, length, step);
      if (keep !== 1) {
        for (let entry = start; entry < start + length; entry++) values[entry] = (values[entry] as number) * keep;
      }
      this.#update(block, start, length, learningRate, step);
    }
  }

  /** Moves the largest entries of gradient and error to the ring; the rest is the new error. */
  #push(gradient: Float32Array, block: number, start: number, length: number, step: number): void {
    const { window } = this.#constants;
    const sum = this.#working.gradient;
    this.#error.widen(start, length, sum);
    for (let index = 0; index < length; index++) {
      sum[index] = (gradient[start + index] as number) + (sum[index] as number);
    }
    const first = this.#starts[block] as number;
    const count = (this.#starts[block + 1] as number) - first;
    const position = (step % window) * this.#kept + first;
    selectLargestOfChunk(bitsOf(sum), 0, length, count, this.#ringOffsets, position, `the gradient of ${this.#name}`);
    for (let index = position; index < position + count; index++) {
      const offset = this.#ringOffsets[index] as number;
      const value = sum[offset] as number;
      this.#ringValues[index] = this.#ringValues instanceof Uint16Array ? toBfloat16(value) : value;
      sum[offset] = 0;
    }
    this.#error.narrow(start, length, sum);
  }

  /** `p -= lr * c1 * M / (sqrt(c2 * W) + epsilon)`, M and W being sums over the ring and `c = (1 - b) / (1 - b^t)`. */
  #update(block: number, start: number, length: number, learningRate: number, step: number): void {
    const { window, betas, epsilon } = this.#constants;
    const [beta1, beta2] = betas;
    const { first, second } = this.#working;
    const ringValues = this.#ringValues;
    first.fill(0, 0, length);
    second.fill(0, 0, length);
    const rowStart = this.#starts[block] as number;
    const count = (this.#starts[block + 1] as number) - rowStart;
    for (let age = 0; age < Math.min(window, step + 1); age++) {
      const position = ((step - age) % window) * this.#kept + rowStart;
      const [firstWeight, secondWeight] = [beta1 ** age, beta2 ** age];
      for (let index = position; index < position + count; index++) {
        const stored = ringValues[index] as number;
        const value = ringValues instanceof Uint16Array ? fromBfloat16(stored) : stored;
        const offset = this.#ringOffsets[index] as number;
        first[offset] = (first[offset] as number) + firstWeight * value;
        second[offset] = (second[offset] as number) + secondWeight * value * value;
      }
    }
    const firstScale = (1 - beta1) / (1 - beta1 ** (step + 1));
    const secondScale = (1 - beta2) / (1 - beta2 ** (step + 1));
    const values = this.#values;
    for (let index = 0; index < length; index++) {
      const moment = first[index] as number;
      if (moment === 0) continue;
      const direction = (firstScale * moment) / (Math.sqrt(secondScale * (second[index] as number)) + epsilon);
      values[start + index] = (values[start + index] as number) - learningRate * direction;
    }
  }

  stateBytes(): number {
    return this.#ringOffsets.byteLength + this.#ringValues.byteLength + this.#error.bytes();
  }

  state(): ReadonlyMap<string, StateArray> {
    return new Map<string, StateArray>([
      ["ring_offsets", this.#ringOffsets],
      ["ring_values", this.#ringValues],
      ["error_codes", this.#error.codes],
      ["error_ranges", this.#error.ranges],
    ]);
  }

  restore(state: ReadonlyMap<string, StateArray>): void {
    checkStateKeys(state, ["ring_offsets", "ring_values", "error_codes", "error_ranges"]);
    const { length } = this.#ringOffsets;
    const type = this.#constants.valueType === "bfloat16" ? Uint16Array : Float32Array;
    const ringOffsets = stateArray(state, "ring_offsets", Uint16Array, length);
    const ringValues = stateArray<Uint16Array | Float32Array>(state, "ring_values", type, length);
    const codes = stateArray(state, "error_codes", Uint8Array, this.#error.codes.length);
    const ranges = stateArray(state, "error_ranges", Float32Array, this.#error.ranges.length);
    this.#checkOffsets(ringOffsets);
    this.#ringOffsets.set(ringOffsets);
    this.#ringValues.set(ringValues);
    this.#error.codes.set(codes);
    this.#error.ranges.set(ranges);
  }

  /** @throws RangeError for an offset beyond its block. */
  #checkOffsets(ringOffsets: Uint16Array): void {
    const { blockSize, window } = this.#constants;
    for (let block = 0; block + 1 < this.#starts.length; block++) {
      const length = Math.min(blockSize, this.#values.length - block * blockSize);
      const [from, to] = [this.#starts[block] as number, this.#starts[block + 1] as number];
      for (let row = 0; row < window; row++) {
        const offsets = ringOffsets.subarray(row * this.#kept + from, row * this.#kept + to);
        const beyond = offsets.find((offset) => offset >= length);
        if (beyond !== undefined) {
          throw new RangeError(`ring_offsets has ${beyond} in block ${block}; expected offsets below ${length}`);
        }
      }
    }
  }
}

export interface MicroAdamOptions {
  readonly parameters: readonly Parameter[];
  /** Steps whose gradients are kept. 10 unless given. */
  readonly window?: number | undefined;
  /** Fraction of each block that a step keeps, at least one entry. 0.01 unless given. */
  readonly density?: number | undefined;
  readonly betas?: readonly [number, number] | undefined;
  readonly epsilon?: number | undefined;
  /** Decoupled weight decay, 0 unless given. */
  readonly weightDecay?: number | undefined;
  /** Names of tensors that do not decay, such as biases and normalisation layers. */
  readonly noDecay?: Iterable<string> | undefined;
  /** Entries per block, at most 65,536 and a multiple of `bucketSize`. 20,864 unless given. */
  readonly blockSize?: number | undefined;
  /** Entries that share a range of the error, an even number. 64 unless given. */
  readonly bucketSize?: number | undefined;
  /** How the kept gradients are stored. "bfloat16" unless given. */
  readonly valueType?: RingValueType | undefined;
}

/**
 * MicroAdam. Bytes of state: half a byte and `8 / bucketSize` per entry for the error, and `window * density` times 4 for the
 * ring (6 with float32 values).
 *
 * @throws TypeError or RangeError that names the option out of range.
 */
export function createMicroAdam(options: MicroAdamOptions): Optimizer {
  const { parameters, window = 10, density = 0.01, betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0 } = options;
  const { blockSize = 20_864, bucketSize = 64, valueType = "bfloat16" } = options;
  const noDecay = new Set(options.noDecay);
  checkParameters(parameters);
  checkCount("window", window, 1);
  checkDensity("density", density);
  checkAdamConstants(betas, epsilon);
  checkNotNegative("weightDecay", weightDecay);
  checkChunkSize(blockSize, "blockSize");
  checkCount("bucketSize", bucketSize, 2);
  if (bucketSize % 2 !== 0) throw new RangeError(`bucketSize is ${bucketSize}; expected an even number`);
  if (blockSize % bucketSize !== 0) {
    throw new RangeError(`blockSize is ${blockSize}; expected a multiple of bucketSize ${bucketSize}`);
  }
  checkChoice("valueType", valueType, ringValueTypes);
  checkNames("noDecay", noDecay, parameters);
  const longest = Math.min(blockSize, Math.max(1, ...parameters.map(({ values }) => values.length)));
  const working = {
    gradient: new Float32Array(longest),
    first: new Float64Array(longest),
    second: new Float64Array(longest),
  };
  const constants = { window, density, betas, epsilon, blockSize, bucketSize, valueType };
  return composeOptimizer(
    "microadam",
    parameters.map((parameter) => {
      const decay = noDecay.has(parameter.name) ? 0 : weightDecay;
      return { parameter, rule: new MicroAdamRule(parameter, { ...constants, weightDecay: decay }, working) };
    }),
  );
}
