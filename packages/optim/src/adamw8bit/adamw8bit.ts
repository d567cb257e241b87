/**
 * AdamW with moments stored in eight bits (Dettmers et al. 2022; docs/method.md, section 5): a code per entry and
 * moment, and one float32, the largest magnitude, per block of entries. A block is widened, updated, and narrowed
 * again. Small tensors keep float32 moments, as the rounding would cost more there than the memory is worth.
 */

import { AdamRule } from "../adamw.js";
import { checkAdamConstants, checkCount, checkNames, checkNotNegative, checkParameters } from "../check.js";
import { checkStateKeys, composeOptimizer, stateArray } from "../optimizer.js";
import type { GradientNeed, Optimizer, Parameter, StateArray, TensorRule } from "../types.js";
import { CodeMap } from "./dynamic-map.js";

const wholeGradient: GradientNeed = { kind: "whole" };

interface Constants {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** The codes of one moment and the largest magnitude of each block. */
interface CodedMoment {
  readonly map: CodeMap;
  readonly codes: Uint8Array;
  readonly largest: Float32Array;
}

function codedMoment(map: CodeMap, length: number, blockSize: number): CodedMoment {
  const largest = new Float32Array(Math.ceil(length / blockSize));
  return { map, codes: new Uint8Array(length).fill(map.zero), largest };
}

function widenBlock({ map, codes, largest }: CodedMoment, block: number, start: number, out: Float32Array): void {
  const scale = largest[block] as number;
  const end = Math.min(out.length, codes.length - start);
  for (let index = 0; index < end; index++) {
    out[index] = (map.values[codes[start + index] as number] as number) * scale;
  }
}

function narrowBlock({ map, codes, largest }: CodedMoment, block: number, start: number, values: Float32Array): void {
  const end = Math.min(values.length, codes.length - start);
  let scale = 0;
  for (let index = 0; index < end; index++) scale = Math.max(scale, Math.abs(values[index] as number));
  largest[block] = scale;
  for (let index = 0; index < end; index++) {
    codes[start + index] = scale === 0 ? map.zero : map.nearest((values[index] as number) / scale);
  }
}

/**
 * A tensor with coded moments: `p -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon * sqrt(1 - b2^t))`, then
 * `p *= 1 - lr * weightDecay`. States: `first_codes`, `second_codes` (Uint8Array, one per entry), `first_largest` and
 * `second_largest` (Float32Array, one per block).
 */
class CodedTensorRule implements TensorRule {
  readonly #values: Float32Array;
  readonly #constants: Constants;
  readonly #first: CodedMoment;
  readonly #second: CodedMoment;
  readonly #working: { readonly first: Float32Array; readonly second: Float32Array };

  constructor(
    values: Float32Array,
    constants: Constants,
    maps: { readonly first: CodeMap; readonly second: CodeMap },
    working: { readonly first: Float32Array; readonly second: Float32Array },
  ) {
    this.#values = values;
    this.#constants = constants;
    this.#first = codedMoment(maps.first, values.length, working.first.length);
    this.#second = codedMoment(maps.second, values.length, working.second.length);
    this.#working = working;
  }

  prepare(): void {}

  need(): GradientNeed {
    return wholeGradient;
  }

  apply(gradient: Float32Array, learningRate: number, step: number): void {
    const { betas, epsilon, weightDecay } = this.#constants;
    const [beta1, beta2] = betas;
    const root = Math.sqrt(1 - beta2 ** (step + 1));
    const rate = (learningRate * root) / (1 - beta1 ** (step + 1));
    const keep = 1 - learningRate * weightDecay;
    const { first, second } = this.#working;
    const blockSize = first.length;
    const values = this.#values;
    for (let block = 0, start = 0; start < values.length; block++, start += blockSize) {
      widenBlock(this.#first, block, start, first);
      widenBlock(this.#second, block, start, second);
      const count = Math.min(blockSize, values.length - start);
      for (let index = 0; index < count; index++) {
        const entry = start + index;
        const slope = gradient[entry] as number;
        const m = beta1 * (first[index] as number) + (1 - beta1) * slope;
        const v = beta2 * (second[index] as number) + (1 - beta2) * slope * slope;
        first[index] = m;
        second[index] = v;
        values[entry] = ((values[entry] as number) - (rate * m) / (Math.sqrt(v) + epsilon * root)) * keep;
      }
      narrowBlock(this.#first, block, start, first);
      narrowBlock(this.#second, block, start, second);
    }
  }

  stateBytes(): number {
    return [this.#first, this.#second].reduce((sum, { codes, largest }) => sum + codes.length + largest.byteLength, 0);
  }

  state(): ReadonlyMap<string, StateArray> {
    return new Map<string, StateArray>([
      ["first_codes", this.#first.codes],
      ["first_largest", this.#first.largest],
      ["second_codes", this.#second.codes],
      ["second_largest", this.#second.largest],
    ]);
  }

  restore(state: ReadonlyMap<string, StateArray>): void {
    checkStateKeys(state, ["first_codes", "first_largest", "second_codes", "second_largest"]);
    const read = (key: string, { codes, largest }: CodedMoment) => ({
      codes: stateArray(state, `${key}_codes`, Uint8Array, codes.length),
      largest: stateArray(state, `${key}_largest`, Float32Array, largest.length),
    });
    const [first, second] = [read("first", this.#first), read("second", this.#second)];
    this.#first.codes.set(first.codes);
    this.#first.largest.set(first.largest);
    this.#second.codes.set(second.codes);
    this.#second.largest.set(second.largest);
  }
}

export interface AdamW8bitOptions {
  readonly parameters: readonly Parameter[];
  readonly betas?: readonly [number, number] | undefined;
  readonly epsilon?: number | undefined;
  /** Decoupled weight decay, 0.01 unless given. */
  readonly weightDecay?: number | undefined;
  /** Names of tensors that do not decay, such as biases and normalisation layers. */
  readonly noDecay?: Iterable<string> | undefined;
  /** Entries that share one float32 scale. 256 unless given. */
  readonly blockSize?: number | undefined;
  /** Tensors of fewer entries keep float32 moments. 4,096 unless given. */
  readonly smallestCoded?: number | undefined;
}

/**
 * AdamW with eight-bit moments. Bytes of state per entry: 2, and 8 per block of `blockSize`; small tensors 8 per entry.
 *
 * @throws TypeError or RangeError that names the option out of range.
 */
export function createAdamW8bit(options: AdamW8bitOptions): Optimizer {
  const { parameters, betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0.01 } = options;
  const { blockSize = 256, smallestCoded = 4096 } = options;
  const noDecay = new Set(options.noDecay);
  checkParameters(parameters);
  checkAdamConstants(betas, epsilon);
  checkNotNegative("weightDecay", weightDecay);
  checkCount("blockSize", blockSize, 1);
  checkCount("smallestCoded", smallestCoded, 0);
  checkNames("noDecay", noDecay, parameters);
  const maps = { first: new CodeMap(true), second: new CodeMap(false) };
  const working = { first: new Float32Array(blockSize), second: new Float32Array(blockSize) };
  return composeOptimizer(
    "adamw8bit",
    parameters.map((parameter) => {
      const { name, values } = parameter;
      const constants = { betas, epsilon, weightDecay: noDecay.has(name) ? 0 : weightDecay };
      const isSmall = values.length < smallestCoded;
      const rule = isSmall
        ? new AdamRule(values, { ...constants, biasCorrection: true })
        : new CodedTensorRule(values, constants, maps, working);
      return { parameter, rule };
    }),
  );
}
