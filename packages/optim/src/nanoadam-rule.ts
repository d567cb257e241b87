/** The rule of NanoAdam for one tensor: its selection, the states of what is selected, and what becomes of them. */

import { gatherEntries } from "./accumulate.js";
import { fromBfloat16, toBfloat16, toBfloat16Stochastically } from "./bfloat16.js";
import { type BiasFactors, type BiasFactorTable, biasFactorsAt, noBiasCorrection, oldestAge } from "./bias-factors.js";
import { carryOver, type Held, type Moments, setAside } from "./carry-over.js";
import { type Choice, choiceStarts, chooseInChunk } from "./choice.js";
import type { GradientNeed, Parameter, StateArray, TensorRule } from "./contract.js";
import { densityAt, type RefreshSchedule, refreshIsDue } from "./density.js";
import { checkStateKeys, stateArray } from "./optimizer.js";
import { mixKeys, textKey } from "./random.js";
import { bitsOf, checkSelection } from "./select.js";

export const statesOnRefresh = ["carry", "reset"] as const;
export type StateOnRefresh = (typeof statesOnRefresh)[number];
export const biasCorrections = ["entry", "global", "none"] as const;
export type BiasCorrection = (typeof biasCorrections)[number];
export const stateTypes = ["float32", "bfloat16"] as const;
export type StateType = (typeof stateTypes)[number];

const wholeGradient: GradientNeed = { kind: "whole" };

export interface NanoAdamRuleOptions {
  readonly schedule: RefreshSchedule;
  readonly choice: Choice;
  readonly chunkSize: number;
  readonly stateOnRefresh: StateOnRefresh;
  readonly biasCorrection: BiasCorrection;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly factorsByAge: BiasFactorTable;
  readonly stateType: StateType;
}

function createMoments(stateType: StateType, length: number): Moments {
  return stateType === "float32" ? new Float32Array(length) : new Uint16Array(length);
}

// One chunk's moments in float32, while it is updated, where they are stored in bfloat16.
const wideChunk = { firstMoment: new Float32Array(0), secondMoment: new Float32Array(0) };

/** Brings the moments of one chunk's entries to {@link wideChunk}. */
function widen(firstMoment: Moments, secondMoment: Moments, start: number, count: number): void {
  if (wideChunk.firstMoment.length < count) {
    wideChunk.firstMoment = new Float32Array(count);
    wideChunk.secondMoment = new Float32Array(count);
  }
  for (let index = 0; index < count; index++) {
    wideChunk.firstMoment[index] = fromBfloat16(firstMoment[start + index] as number);
    wideChunk.secondMoment[index] = fromBfloat16(secondMoment[start + index] as number);
  }
}

/** Stores what {@link wideChunk} holds; the second moment, which moves slowly, rounded stochastically. */
function narrow(firstMoment: Moments, secondMoment: Moments, start: number, count: number, key: number): void {
  for (let index = 0; index < count; index++) {
    firstMoment[start + index] = toBfloat16(wideChunk.firstMoment[index] as number);
    const second = wideChunk.secondMoment[index] as number;
    secondMoment[start + index] = toBfloat16Stochastically(second, key + start + index);
  }
}

/** What one step's update of a tensor has in common for all chunks. */
interface StepFactors {
  readonly gradient: Float32Array;
  readonly learningRate: number;
  /** Steps since the selection was made, this one included. */
  readonly age: number;
  /** Correction where all entries share one. */
  readonly shared: BiasFactors;
  /** Correction by age, where ages differ. */
  readonly byAge: { readonly first: Float64Array; readonly root: Float64Array } | undefined;
}

/**
 * NanoAdam on one tensor. States, one value per selected entry in selection order unless told:
 * `starts` (Uint32Array, chunks + 1) and `offsets` (Uint16Array), the {@link Selection}; `first_moment`, `second_moment`
 * (Float32Array, or Uint16Array of bfloat16); and with `biasCorrection: "entry"` `ages` (Uint16Array), the number of updates each entry has had since it
 * was selected, a single one for all with `stateOnRefresh: "reset"`. Before the first `prepare` there are none.
 */
export class NanoAdamRule implements TensorRule {
  readonly #name: string;
  readonly #values: Float32Array;
  readonly #bits: Uint32Array;
  readonly #options: NanoAdamRuleOptions;
  /** Whether ages differ from entry to entry. */
  readonly #hasAges: boolean;
  #held: Held | undefined;
  #refreshedAt = 0;
  /** Whether the entries to move follow from the gradient to come. */
  #awaitsGradient = false;

  constructor(parameter: Parameter, options: NanoAdamRuleOptions) {
    this.#name = parameter.name;
    this.#values = parameter.values;
    this.#bits = bitsOf(parameter.values);
    this.#options = options;
    this.#hasAges = options.biasCorrection === "entry" && options.stateOnRefresh === "carry";
  }

  prepare(step: number): void {
    if (this.#held !== undefined && !refreshIsDue(step, this.#options.schedule)) return;
    if (this.#options.choice.criterion === "gradient") this.#awaitsGradient = true;
    else this.#refreshAt(step, undefined);
  }

  need(): GradientNeed {
    return this.#awaitsGradient ? wholeGradient : { kind: "entries", selection: this.#current().selection };
  }

  apply(gradient: Float32Array, learningRate: number, step: number): void {
    if (this.#awaitsGradient) {
      this.#refreshAt(step, bitsOf(gradient));
      this.#awaitsGradient = false;
      this.#update(gatherEntries(gradient, this.#current().selection), learningRate, step);
    } else this.#update(gradient, learningRate, step);
  }

  #current(): Held {
    if (this.#held === undefined) throw new Error(`"${this.#name}" has no selection yet; expected prepare first`);
    return this.#held;
  }

  /** @param gradient one value per selected entry */
  #update(gradient: Float32Array, learningRate: number, step: number): void {
    const { selection, firstMoment, secondMoment, ages } = this.#current();
    const { starts } = selection;
    const age = step - this.#refreshedAt + 1;
    const byAge = ages === undefined ? undefined : this.#options.factorsByAge.upTo(Math.min(step + 1, oldestAge));
    const factors = { gradient, learningRate, age, shared: this.#sharedFactors(step, age), byAge };
    const roundingKey = mixKeys(textKey(this.#name), step);
    for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
      const start = starts[chunk] as number;
      if (firstMoment instanceof Float32Array && secondMoment instanceof Float32Array) {
        this.#updateChunk(factors, chunk, firstMoment, secondMoment, start);
      } else {
        const count = (starts[chunk + 1] as number) - start;
        widen(firstMoment, secondMoment, start, count);
        this.#updateChunk(factors, chunk, wideChunk.firstMoment, wideChunk.secondMoment, 0);
        narrow(firstMoment, secondMoment, start, count, roundingKey);
      }
    }
  }

  /** Updates the selected entries of one chunk, whose moments are from `momentStart` on. */
  #updateChunk(
    { gradient, learningRate, age, shared, byAge }: StepFactors,
    chunk: number,
    firstMoment: Float32Array,
    secondMoment: Float32Array,
    momentStart: number,
  ): void {
    const { selection, ages } = this.#current();
    const { starts, offsets, chunkSize } = selection;
    const { betas, epsilon, weightDecay } = this.#options;
    const [beta1, beta2] = betas;
    const values = this.#values;
    const keep = 1 - learningRate * weightDecay;
    const chunkStart = chunk * chunkSize;
    const start = starts[chunk] as number;
    const end = starts[chunk + 1] as number;
    const firstByAge = byAge?.first;
    const rootByAge = byAge?.root;
    // Unary plus unboxes the two numbers; as read, V8 boxes them in the loop below, which then takes 1.5 times as long.
    const sharedFirst = +shared.first;
    const sharedRoot = +shared.root;
    for (let position = start; position < end; position++) {
      let first = sharedFirst;
      let root = sharedRoot;
      if (ages !== undefined && firstByAge !== undefined && rootByAge !== undefined) {
        const entryAge = Math.min((ages[position] as number) + age, oldestAge);
        first = firstByAge[entryAge] as number;
        root = rootByAge[entryAge] as number;
      }
      const moment = momentStart + position - start;
      const slope = gradient[position] as number;
      const m = beta1 * (firstMoment[moment] as number) + (1 - beta1) * slope;
      const v = beta2 * (secondMoment[moment] as number) + (1 - beta2) * slope * slope;
      firstMoment[moment] = m;
      secondMoment[moment] = v;
      const entry = chunkStart + (offsets[position] as number);
      values[entry] = (values[entry] as number) * keep - (learningRate * first * m) / (Math.sqrt(v) * root + epsilon);
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
  #refreshAt(step: number, gradientBits: Uint32Array | undefined): void {
    const former = this.#held;
    const stepsSinceRefresh = step - this.#refreshedAt;
    const { schedule, choice, chunkSize, stateOnRefresh } = this.#options;
    const length = this.#values.length;
    const starts = choiceStarts(this.#bits, densityAt(step, schedule), chunkSize, choice);
    const count = starts[starts.length - 1] as number;
    const fitsFormer = former?.selection.starts.every((start, chunk) => start === starts[chunk]) === true;
    const next = fitsFormer ? former : this.#allocate(count);
    const offsets = next === former ? former.selection.offsets : new Uint16Array(count);
    const carries = stateOnRefresh === "carry" && former !== undefined;
    if (next === former && !carries) {
      next.firstMoment.fill(0);
      next.secondMoment.fill(0);
    }
    const input = { name: this.#name, bits: this.#bits, gradientBits, step };
    for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
      const chunkStart = chunk * chunkSize;
      const start = starts[chunk] as number;
      const chunkCount = (starts[chunk + 1] as number) - start;
      const chunkLength = Math.min(chunkSize, length - chunkStart);
      const formerCount = carries ? setAside(former, chunk, stepsSinceRefresh) : 0;
      chooseInChunk(choice, input, chunkStart, chunkLength, chunkCount, offsets, start);
      if (carries) carryOver(formerCount, offsets, next, start, chunkCount);
    }
    this.#held = { ...next, selection: { length, chunkSize, count, starts, offsets } };
    this.#refreshedAt = step;
  }

  #allocate(count: number): Omit<Held, "selection"> {
    const { stateType } = this.#options;
    return {
      firstMoment: createMoments(stateType, count),
      secondMoment: createMoments(stateType, count),
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
    this.#awaitsGradient = false;
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
    const type = this.#options.stateType === "float32" ? Float32Array : Uint16Array;
    const firstMoment = stateArray<Moments>(state, "first_moment", type, count).slice();
    const secondMoment = stateArray<Moments>(state, "second_moment", type, count).slice();
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
