/**
 * NanoAdam: Adam on the entries of smallest magnitude ("Pay Attention to Small Weights", NeurIPS 2025, Algorithm 1).
 *
 * Large weights hold what pretraining learned; small ones are free to learn, and during fine-tuning they get the large
 * gradients anyway. So each tensor keeps a selection of its smallest entries and Adam's moments of these only. The choice
 * needs no gradient: it is known before the backward pass, which need compute nothing else. Every `maskInterval` steps the
 * selection is made anew. What the paper leaves open is an option:
 *
 * - `stateOnRefresh`: "carry" keeps the moments of the entries that stay selected and starts the others at 0; "reset"
 *   starts all at 0.
 * - `biasCorrection`: "entry" corrects by the number of updates that an entry's moments have seen, "global" by the number
 *   of steps, "none" not at all, as Algorithm 1 is printed.
 */

import { AdamRule, type BiasFactors, biasFactorsAt, noBiasCorrection } from "./adamw.js";
import { checkAdamConstants, checkChoice, checkCount, checkNames, checkNotNegative, checkParameters } from "./check.js";
import type { GradientNeed, Optimizer, Parameter, Selection, StateArray, TensorRule } from "./contract.js";
import { checkDensitySchedule, densityAt, type RefreshSchedule, refreshIsDue } from "./density.js";
import { checkStateKeys, composeOptimizer, stateArray } from "./optimizer.js";
import { bitsOf, checkChunkSize, defaultChunkSize, selectionStarts, selectSmallestOfChunk } from "./select.js";

export const statesOnRefresh = ["carry", "reset"] as const;
export type StateOnRefresh = (typeof statesOnRefresh)[number];
export const biasCorrections = ["entry", "global", "none"] as const;
export type BiasCorrection = (typeof biasCorrections)[number];

export interface NanoAdamOptions {
  readonly parameters: readonly Parameter[];
  /** Names of tensors updated whole with plain Adam: normalisation layers and heads. None unless given. */
  readonly dense?: Iterable<string> | undefined;
  /** Share of each tensor selected at first: above 0, at most 1. 0.1 unless given. */
  readonly density?: number | undefined;
  /** Share reached at `totalSteps`, linearly; `density` unless given. Takes effect only with `densityInterval`. */
  readonly finalDensity?: number | undefined;
  /** Selections are refreshed every so many steps; `totalSteps` makes one selection for the whole run. */
  readonly maskInterval: number;
  /** The density is evaluated every so many steps, and selections refreshed; off when absent or above `totalSteps`. */
  readonly densityInterval?: number | undefined;
  /** Steps of the run, over which the density changes. */
  readonly totalSteps: number;
  /** Entries per chunk of a flattened tensor, at most 65,536. 32,768 unless given. */
  readonly chunkSize?: number | undefined;
  /** What becomes of moments at a refresh. "carry" unless given. */
  readonly stateOnRefresh?: StateOnRefresh | undefined;
  /** By which age moments are corrected for their start at 0. "entry" unless given. */
  readonly biasCorrection?: BiasCorrection | undefined;
  /** Decay rates of the moments. [0.9, 0.999] unless given. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the root of the second moment. 1e-8 unless given. */
  readonly epsilon?: number | undefined;
  /** Decoupled weight decay of the selected entries. 0 unless given. */
  readonly weightDecay?: number | undefined;
  /** Decoupled weight decay of the tensors in `dense`. 0 unless given, which is plain Adam. */
  readonly denseWeightDecay?: number | undefined;
}

/**
 * Makes a NanoAdam optimizer. Bytes of state per selected entry: 8 for the moments, 2 for the index, and 2 for the age where
 * ages differ ("carry" with "entry"); per chunk 4, and 4 more per tensor; per entry of a dense tensor 8. A refresh works
 * in under a megabyte of shared memory, and "entry" in a table of factors by age, at most a megabyte.
 *
 * @throws TypeError or RangeError that names the option out of range, what was found and what was expected.
 */
export function createNanoAdam(options: NanoAdamOptions): Optimizer {
  const { parameters, density = 0.1, finalDensity, maskInterval, densityInterval, totalSteps } = options;
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0, denseWeightDecay = 0 } = options;
  const { chunkSize = defaultChunkSize, stateOnRefresh = "carry", biasCorrection = "entry" } = options;
  const dense = new Set(options.dense);
  const schedule: RefreshSchedule = { density, finalDensity, maskInterval, densityInterval, totalSteps };
  checkParameters(parameters);
  checkNames("dense", dense, parameters);
  checkDensitySchedule(schedule);
  checkCount("maskInterval", maskInterval, 1);
  checkChunkSize(chunkSize);
  checkChoice("stateOnRefresh", stateOnRefresh, statesOnRefresh);
  checkChoice("biasCorrection", biasCorrection, biasCorrections);
  checkAdamConstants(betas, epsilon);
  checkNotNegative("weightDecay", weightDecay);
  checkNotNegative("denseWeightDecay", denseWeightDecay);

  const factorsByAge = new BiasFactorTable(betas);
  const sparseOptions = {
    schedule,
    chunkSize,
    stateOnRefresh,
    biasCorrection,
    betas,
    epsilon,
    weightDecay,
    factorsByAge,
  };
  const denseOptions = {
    betas,
    epsilon,
    weightDecay: denseWeightDecay,
    // Every entry of a dense tensor is as old as the run, so correction by entry and by step are one.
    biasCorrection: biasCorrection !== "none",
  };
  return composeOptimizer(
    "nanoadam",
    parameters.map((parameter) => ({
      parameter,
      rule: dense.has(parameter.name)
        ? new AdamRule(parameter.values, denseOptions)
        : new NanoAdamRule(parameter, sparseOptions),
    })),
    (step) => densityAt(step, schedule),
  );
}

/** Ages are kept in 16 bits. An entry that is older counts as this old: by then the correction has long faded. */
const oldestAge = 65_535;

/** The factors of bias correction by age, worked out once per optimizer and grown as the run does. */
class BiasFactorTable {
  readonly #betas: readonly [number, number];
  #first = new Float64Array(0);
  #root = new Float64Array(0);

  constructor(betas: readonly [number, number]) {
    this.#betas = betas;
  }

  /** The factors of ages up to `age`, at the index of the age. */
  upTo(age: number): { readonly first: Float64Array; readonly root: Float64Array } {
    const known = this.#first.length;
    if (age >= known) {
      const size = Math.min(oldestAge + 1, Math.max(2 * known, age + 1, 1024));
      const first = new Float64Array(size);
      const root = new Float64Array(size);
      first.set(this.#first);
      root.set(this.#root);
      for (let next = Math.max(1, known); next < size; next++) {
        const factors = biasFactorsAt(next, this.#betas);
        first[next] = factors.first;
        root[next] = factors.root;
      }
      this.#first = first;
      this.#root = root;
    }
    return { first: this.#first, root: this.#root };
  }
}

interface NanoAdamRuleOptions {
  readonly schedule: RefreshSchedule;
  readonly chunkSize: number;
  readonly stateOnRefresh: StateOnRefresh;
  readonly biasCorrection: BiasCorrection;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly factorsByAge: BiasFactorTable;
}

/** What is held of the selected entries, in selection order. */
interface Held {
  readonly selection: Selection;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Updates that each entry had before the last refresh; absent where all have the same age or none is needed. */
  readonly ages: Uint16Array | undefined;
}

// Where one chunk's former entries stand aside while the new ones are written: shared, since a refresh runs in one go.
const formerChunk = {
  offsets: new Uint16Array(0),
  firstMoment: new Float32Array(0),
  secondMoment: new Float32Array(0),
  ages: new Uint16Array(0),
};

/**
 * NanoAdam on one tensor. States, one value per selected entry in selection order unless told:
 * `starts` (Uint32Array, chunks + 1) and `offsets` (Uint16Array), the {@link Selection}; `first_moment`, `second_moment`
 * (Float32Array); and with `biasCorrection: "entry"` `ages` (Uint16Array), the number of updates each entry has had since it
 * was selected, a single one for all with `stateOnRefresh: "reset"`. Before the first `prepare` there are none.
 */
class NanoAdamRule implements TensorRule {
  readonly #name: string;
  readonly #values: Float32Array;
  readonly #bits: Uint32Array;
  readonly #options: NanoAdamRuleOptions;
  /** Whether ages differ from entry to entry. */
  readonly #hasAges: boolean;
  #held: Held | undefined;
  #refreshedAt = 0;

  constructor(parameter: Parameter, options: NanoAdamRuleOptions) {
    this.#name = parameter.name;
    this.#values = parameter.values;
    this.#bits = bitsOf(parameter.values);
    this.#options = options;
    this.#hasAges = options.biasCorrection === "entry" && options.stateOnRefresh === "carry";
  }

  prepare(step: number): void {
    if (this.#held !== undefined && !refreshIsDue(step, this.#options.schedule)) return;
    this.#held = this.#refresh(this.#held, densityAt(step, this.#options.schedule), step - this.#refreshedAt);
    this.#refreshedAt = step;
  }

  need(): GradientNeed {
    if (this.#held === undefined) throw new Error(`"${this.#name}" has no selection yet; expected prepare first`);
    return { kind: "entries", selection: this.#held.selection };
  }

  apply(gradient: Float32Array, learningRate: number, step: number): void {
    if (this.#held === undefined) throw new Error(`"${this.#name}" has no selection yet; expected prepare first`);
    const { selection, firstMoment, secondMoment, ages } = this.#held;
    const { starts, offsets, chunkSize } = selection;
    const { betas, epsilon, weightDecay, factorsByAge } = this.#options;
    const [beta1, beta2] = betas;
    const values = this.#values;
    const keep = 1 - learningRate * weightDecay;
    const age = step - this.#refreshedAt + 1;
    const byAge = ages === undefined ? undefined : factorsByAge.upTo(Math.min(step + 1, oldestAge));
    const firstByAge = byAge?.first;
    const rootByAge = byAge?.root;
    const shared = this.#sharedFactors(step, age);
    // Unary plus unboxes the two numbers; as read, V8 boxes them in the loop below, which then takes 1.5 times as long.
    const sharedFirst = +shared.first;
    const sharedRoot = +shared.root;
    for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
      const chunkStart = chunk * chunkSize;
      const end = starts[chunk + 1] as number;
      for (let position = starts[chunk] as number; position < end; position++) {
        let first = sharedFirst;
        let root = sharedRoot;
        if (ages !== undefined && firstByAge !== undefined && rootByAge !== undefined) {
          const entryAge = Math.min((ages[position] as number) + age, oldestAge);
          first = firstByAge[entryAge] as number;
          root = rootByAge[entryAge] as number;
        }
        const slope = gradient[position] as number;
        const m = beta1 * (firstMoment[position] as number) + (1 - beta1) * slope;
        const v = beta2 * (secondMoment[position] as number) + (1 - beta2) * slope * slope;
        firstMoment[position] = m;
        secondMoment[position] = v;
        const entry = chunkStart + (offsets[position] as number);
        values[entry] = (values[entry] as number) * keep - (learningRate * first * m) / (Math.sqrt(v) * root + epsilon);
      }
    }
  }

  /** The factors of all entries, where they share them. */
  #sharedFactors(step: number, age: number): BiasFactors {
    const { biasCorrection, betas } = this.#options;
    if (biasCorrection === "none") return noBiasCorrection;
    return biasFactorsAt(biasCorrection === "global" ? step + 1 : age, betas);
  }

  /**
   * Selects anew, chunk by chunk, on the same buffers where the counts have not changed: a chunk's former entries stand
   * aside, the new offsets are written, and a merge of the two ascending lists carries states over.
   */
  #refresh(former: Held | undefined, density: number, stepsSinceRefresh: number): Held {
    const { chunkSize, stateOnRefresh } = this.#options;
    const length = this.#values.length;
    const starts = selectionStarts(length, density, chunkSize);
    const count = starts[starts.length - 1] as number;
    const fitsFormer = former?.selection.starts.every((start, chunk) => start === starts[chunk]) === true;
    const next = fitsFormer ? former : this.#allocate(count);
    const offsets = next === former ? former.selection.offsets : new Uint16Array(count);
    const carries = stateOnRefresh === "carry" && former !== undefined;
    if (next === former && !carries) {
      next.firstMoment.fill(0);
      next.secondMoment.fill(0);
    }
    for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
      const chunkStart = chunk * chunkSize;
      const start = starts[chunk] as number;
      const chunkCount = (starts[chunk + 1] as number) - start;
      const chunkLength = Math.min(chunkSize, length - chunkStart);
      const formerCount = carries ? setAside(former, chunk, stepsSinceRefresh) : 0;
      selectSmallestOfChunk(this.#bits, chunkStart, chunkLength, chunkCount, offsets, start, this.#name);
      if (carries) carryOver(formerCount, offsets, next, start, chunkCount);
    }
    return { ...next, selection: { length, chunkSize, count, starts, offsets } };
  }

  #allocate(count: number): Omit<Held, "selection"> {
    return {
      firstMoment: new Float32Array(count),
      secondMoment: new Float32Array(count),
      ages: this.#hasAges ? new Uint16Array(count) : undefined,
    };
  }

  stateBytes(): number {
    if (this.#held === undefined) return 0;
    const { selection, firstMoment, secondMoment, ages } = this.#held;
    const indices = selection.starts.byteLength + selection.offsets.byteLength;
    return indices + firstMoment.byteLength + secondMoment.byteLength + (ages?.byteLength ?? 0);
  }

  state(completedSteps: number): ReadonlyMap<string, StateArray> {
    const state = new Map<string, StateArray>();
    if (this.#held === undefined) return state;
    const { selection, firstMoment, secondMoment, ages } = this.#held;
    state.set("starts", selection.starts.slice());
    state.set("offsets", selection.offsets.slice());
    state.set("first_moment", firstMoment.slice());
    state.set("second_moment", secondMoment.slice());
    if (this.#options.biasCorrection === "entry") {
      const updates = completedSteps - this.#refreshedAt;
      state.set(
        "ages",
        (ages ?? new Uint16Array(1)).map((age) => Math.min(age + updates, oldestAge)),
      );
    }
    return state;
  }

  restore(state: ReadonlyMap<string, StateArray>, completedSteps: number): void {
    if (state.size === 0 && completedSteps === 0) {
      this.#held = undefined;
      this.#refreshedAt = 0;
      return;
    }
    const isCorrectedByEntry = this.#options.biasCorrection === "entry";
    const keys = ["starts", "offsets", "first_moment", "second_moment"];
    checkStateKeys(state, isCorrectedByEntry ? [...keys, "ages"] : keys);
    const { chunkSize } = this.#options;
    const length = this.#values.length;
    const starts = stateArray(state, "starts", Uint32Array, Math.ceil(length / chunkSize) + 1).slice();
    const count = starts[starts.length - 1] as number;
    const offsets = stateArray(state, "offsets", Uint16Array, count).slice();
    const selection = { length, chunkSize, count, starts, offsets };
    checkSelection(selection);
    const firstMoment = stateArray(state, "first_moment", Float32Array, count).slice();
    const secondMoment = stateArray(state, "second_moment", Float32Array, count).slice();
    const ages = isCorrectedByEntry ? stateArray(state, "ages", Uint16Array, this.#hasAges ? count : 1) : undefined;
    if (ages?.some((age) => age > completedSteps)) {
      throw new RangeError(
        `ages has ${ages.find((age) => age > completedSteps)}; expected at most the ${completedSteps} completed steps`,
      );
    }
    this.#held = { selection, firstMoment, secondMoment, ages: this.#hasAges ? ages?.slice() : undefined };
    this.#refreshedAt = this.#hasAges ? completedSteps : completedSteps - (ages?.[0] ?? 0);
  }
}

/** Copies what is held of one chunk into {@link formerChunk}, its ages brought up to date; returns its entries' count. */
function setAside(former: Held, chunk: number, stepsSinceRefresh: number): number {
  const { selection, firstMoment, secondMoment, ages } = former;
  const start = selection.starts[chunk] as number;
  const count = (selection.starts[chunk + 1] as number) - start;
  if (formerChunk.offsets.length < count) {
    formerChunk.offsets = new Uint16Array(count);
    formerChunk.firstMoment = new Float32Array(count);
    formerChunk.secondMoment = new Float32Array(count);
    formerChunk.ages = new Uint16Array(count);
  }
  for (let index = 0; index < count; index++) {
    formerChunk.offsets[index] = selection.offsets[start + index] as number;
    formerChunk.firstMoment[index] = firstMoment[start + index] as number;
    formerChunk.secondMoment[index] = secondMoment[start + index] as number;
    if (ages !== undefined) {
      formerChunk.ages[index] = Math.min((ages[start + index] as number) + stepsSinceRefresh, oldestAge);
    }
  }
  return count;
}

/** Writes the states of one chunk's new entries: of those in {@link formerChunk} as they were, of the others 0. */
function carryOver(
  formerCount: number,
  offsets: Uint16Array,
  next: Omit<Held, "selection">,
  start: number,
  count: number,
): void {
  const { firstMoment, secondMoment, ages } = next;
  let index = 0;
  for (let position = start; position < start + count; position++) {
    const offset = offsets[position] as number;
    while (index < formerCount && (formerChunk.offsets[index] as number) < offset) index++;
    const stays = index < formerCount && formerChunk.offsets[index] === offset;
    firstMoment[position] = stays ? (formerChunk.firstMoment[index] as number) : 0;
    secondMoment[position] = stays ? (formerChunk.secondMoment[index] as number) : 0;
    if (ages !== undefined) ages[position] = stays ? (formerChunk.ages[index] as number) : 0;
  }
}

/** @throws RangeError unless starts ascend from 0, and offsets ascend within each chunk and lie inside it. */
function checkSelection({ length, chunkSize, starts, offsets }: Selection): void {
  if (starts[0] !== 0) throw new RangeError(`starts begins with ${starts[0]}; expected 0`);
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const start = starts[chunk] as number;
    const end = starts[chunk + 1] as number;
    const chunkLength = Math.min(chunkSize, length - chunk * chunkSize);
    if (end < start || end - start > chunkLength) {
      throw new RangeError(
        `starts goes from ${start} to ${end} at chunk ${chunk}; expected 0 to ${chunkLength} entries`,
      );
    }
    let before = -1;
    for (let position = start; position < end; position++) {
      const offset = offsets[position] as number;
      if (offset <= before || offset >= chunkLength) {
        throw new RangeError(
          `offset ${offset} follows ${before} in chunk ${chunk}; expected ascending offsets below ${chunkLength}`,
        );
      }
      before = offset;
    }
  }
}
