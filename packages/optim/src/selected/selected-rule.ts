/** A rule of update behind a selection, for one tensor: its selection, the states of the selected entries, and their update. */

import { oldestAge } from "../bias-factors.js";
import { checkStateKeys, stateArray } from "../optimizer.js";
import { mixKeys, textKey } from "../random.js";
import { gatherEntries } from "../selection/gather.js";
import { bitsOf, checkSelection } from "../selection/select.js";
import type { GradientNeed, Parameter, StateArray, TensorRule, WeightArray } from "../types.js";
import { carryOver, type Held, lowBitsSetAside, setAside } from "./carry-over.js";
import { type Choice, type ChoiceInput, choiceLines, choiceStarts, chooseInChunk } from "./criterion.js";
import { densityAt, type RefreshSchedule, refreshIsDue } from "./density.js";
import {
  areWide,
  createState,
  type StateType,
  type StoredState,
  storeStates,
  wideGradient,
  wideStates,
} from "./entry-states.js";
import { energyOf, type Shares } from "./shares.js";
import { joinSelected, splitSelected, widenChunk } from "./split-float.js";
import type { StepAtHand, UpdateRule } from "./update-rule.js";

/** Whether the states of entries that stay selected are carried over or reset. */
export const statesOnRefresh = ["carry", "reset"] as const;
export type StateOnRefresh = (typeof statesOnRefresh)[number];

const wholeGradient: GradientNeed = { kind: "whole" };

export interface SelectedRuleOptions {
  readonly schedule: RefreshSchedule;
  readonly choice: Choice;
  readonly chunkSize: number;
  readonly stateOnRefresh: StateOnRefresh;
  readonly weightDecay: number;
  readonly stateType: StateType;
  /** Of all tensors of the optimizer. */
  readonly shares: Shares;
}

/**
 * An update rule on the selected entries of one tensor. States, one value per selected entry in selection order unless stated:
 * `starts` (Uint32Array, chunks + 1) and `offsets` (Uint16Array), the {@link Selection}; the rule's own (Float32Array, or
 * Uint16Array of bfloat16); where the rule needs them `ages` (Uint16Array), the number of updates
 * each entry has had since it was selected, a single one for all with `stateOnRefresh: "reset"`; where weights are in
 * bfloat16, `low_bits` (Int16Array), their bits beyond it; and `energy` (one float32), where shares follow from it. Before the first `prepare` there are none.
 */
export class SelectedRule implements TensorRule {
  readonly #name: string;
  readonly #shape: readonly number[];
  readonly #values: WeightArray;
  /** Of the same memory. */
  readonly #bits: Uint32Array | Uint16Array;
  readonly #rule: UpdateRule;
  readonly #options: SelectedRuleOptions;
  /** Whether ages differ from entry to entry. */
  readonly #hasAges: boolean;
  #held: Held | undefined;
  #entries: (GradientNeed & { readonly kind: "entries" }) | undefined;
  #refreshedAt = 0;
  /** Whether the entries to move follow from the gradient to come. */
  #awaitsGradient = false;

  constructor({ name, shape, values }: Parameter<WeightArray>, rule: UpdateRule, options: SelectedRuleOptions) {
    this.#name = name;
    this.#shape = shape;
    this.#values = values;
    this.#bits = values instanceof Float32Array ? bitsOf(values) : values;
    this.#rule = rule;
    this.#options = options;
    this.#hasAges = rule.needsAges && options.stateOnRefresh === "carry";
  }

  prepare(step: number): void {
    const { schedule, shares } = this.#options;
    // Shares that follow from the first step's gradients count from the second on.
    const isShared = shares.kind === "gradient" && step === 1;
    if (this.#held !== undefined && !isShared && !refreshIsDue(step, schedule)) return;
    if (this.#options.choice.criterion === "gradient") this.#awaitsGradient = true;
    else this.#refreshAt(step, undefined);
  }

  need(): GradientNeed {
    if (this.#awaitsGradient || this.#options.shares.awaits(this.#name)) return wholeGradient;
    const { selection } = this.#current();
    if (this.#entries?.selection !== selection) {
      const mayBeNarrow = this.#options.stateType === "bfloat16";
      this.#entries = { kind: "entries", selection, ...(mayBeNarrow ? { mayBeNarrow } : {}) };
    }
    return this.#entries;
  }

  apply(gradient: WeightArray, learningRate: number, step: number): void {
    if (this.need() !== wholeGradient || !(gradient instanceof Float32Array)) {
      this.#update(gradient, learningRate, step);
      return;
    }
    if (this.#awaitsGradient) {
      this.#refreshAt(step, bitsOf(gradient));
      this.#awaitsGradient = false;
    }
    const { shares } = this.#options;
    if (shares.awaits(this.#name)) shares.setEnergy(this.#name, energyOf(gradient));
    this.#update(gatherEntries(gradient, this.#current().selection), learningRate, step);
  }

  #current(): Held {
    if (this.#held === undefined) throw new Error(`"${this.#name}" has no selection yet; expected prepare first`);
    return this.#held;
  }

  /** @param gradient one value per selected entry */
  #update(gradient: WeightArray, learningRate: number, step: number): void {
    const held = this.#current();
    const { selection, states, ages } = held;
    const at: StepAtHand = {
      learningRate,
      weightDecay: this.#options.weightDecay,
      step,
      age: step - this.#refreshedAt + 1,
    };
    const values = this.#values;
    if (values instanceof Float32Array && areWide(states) && gradient instanceof Float32Array) {
      const chunks = { firstChunk: 0, endChunk: selection.starts.length - 1 };
      const all = { gradient, gradientStart: 0, values, valueStart: 0, states, stateStart: 0 };
      this.#rule.update({ selection, ages, ...chunks, ...all }, at);
    } else this.#updateNarrow(held, gradient, at);
  }

  /** Where weights or states are stored in bfloat16: chunk by chunk, in float32 while one is updated. */
  #updateNarrow({ selection, states, ages, lowBits }: Held, gradient: WeightArray, at: StepAtHand): void {
    const { starts, offsets, chunkSize, length } = selection;
    const values = this.#values;
    const roundingKey = mixKeys(textKey(this.#name), at.step);
    for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
      const chunkStart = chunk * chunkSize;
      const [start, end] = [starts[chunk] as number, starts[chunk + 1] as number];
      const wide = wideStates(states, start, end);
      const slopes = wideGradient(gradient, start, end);
      const update = (weights: Float32Array, valueStart: number): void =>
        this.#rule.update(
          {
            selection,
            firstChunk: chunk,
            endChunk: chunk + 1,
            gradient: slopes.gradient,
            gradientStart: slopes.gradientStart,
            values: weights,
            valueStart,
            states: wide.states,
            stateStart: wide.stateStart,
            ages,
          },
          at,
        );
      if (values instanceof Float32Array) update(values, chunkStart);
      else if (lowBits !== undefined) {
        const chunkLength = Math.min(chunkSize, length - chunkStart);
        const joined = joinSelected(values, chunkStart, chunkLength, offsets, lowBits, start, end);
        update(joined.values, 0);
        splitSelected(joined, values, chunkStart, offsets, lowBits, start, end);
      }
      storeStates(wide, states, this.#rule.states, start, end, roundingKey);
    }
  }

  /**
   * Selects anew, chunk by chunk, on the same buffers where the counts have not changed: a chunk's former entries stand
   * aside, the new offsets are written, and what stays selected keeps its states.
   */
  #refreshAt(step: number, gradientBits: Uint32Array | undefined): void {
    const former = this.#held;
    const stepsSinceRefresh = step - this.#refreshedAt;
    const { schedule, choice, chunkSize, stateOnRefresh, shares } = this.#options;
    const length = this.#values.length;
    const density = shares.densityOf(this.#name, densityAt(step, schedule));
    const starts = choiceStarts(this.#bits, density, chunkSize, choice);
    const lines = choiceLines(choice, this.#values, this.#shape);
    const count = starts[starts.length - 1] as number;
    const fitsFormer = former?.selection.starts.every((start, chunk) => start === starts[chunk]) === true;
    const next = fitsFormer ? former : this.#allocate(count);
    const offsets = next === former ? former.selection.offsets : new Uint16Array(count);
    const carries = former !== undefined && (stateOnRefresh === "carry" || former.lowBits !== undefined);
    for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
      const chunkStart = chunk * chunkSize;
      const start = starts[chunk] as number;
      const chunkCount = (starts[chunk + 1] as number) - start;
      const chunkLength = Math.min(chunkSize, length - chunkStart);
      const formerCount = carries ? setAside(former, chunk, stepsSinceRefresh) : 0;
      const weights = this.#weightsOfChunk(chunkStart, chunkLength, formerCount);
      const input = { name: this.#name, ...weights, gradientBits, lines, step };
      chooseInChunk(choice, input, chunkStart, chunkLength, chunkCount, offsets, start);
      if (carries) carryOver(formerCount, offsets, next, this.#rule.states, start, chunkCount);
    }
    if (stateOnRefresh === "reset") for (const state of next.states) state.fill(0);
    this.#held = { ...next, selection: { length, chunkSize, count, starts, offsets } };
    this.#refreshedAt = step;
  }

  /** The bits that a chunk is chosen by; the former entries' low bits are those set aside. */
  #weightsOfChunk(
    chunkStart: number,
    chunkLength: number,
    formerCount: number,
  ): Pick<ChoiceInput, "bits" | "firstEntry"> {
    const bits = this.#bits;
    if (bits instanceof Uint32Array) return { bits, firstEntry: 0 };
    const { offsets, lowBits } = lowBitsSetAside();
    const wide = widenChunk(bits, chunkStart, chunkLength, offsets, lowBits, formerCount, this.#name);
    return { bits: wide.bits, firstEntry: chunkStart };
  }

  #allocate(count: number): Omit<Held, "selection"> {
    const { stateType } = this.#options;
    return {
      states: this.#rule.states.map(() => createState(stateType, count)),
      ages: this.#hasAges ? new Uint16Array(count) : undefined,
      lowBits: this.#values instanceof Float32Array ? undefined : new Int16Array(count),
    };
  }

  stateBytes(): number {
    if (this.#held === undefined) return 0;
    const { selection, states, ages, lowBits } = this.#held;
    const indices = selection.starts.byteLength + selection.offsets.byteLength;
    const own = states.reduce((bytes, state) => bytes + state.byteLength, 0);
    const energy = this.#options.shares.kind === "gradient" ? Float32Array.BYTES_PER_ELEMENT : 0;
    return indices + own + (ages?.byteLength ?? 0) + (lowBits?.byteLength ?? 0) + energy;
  }

  state(completedSteps: number): ReadonlyMap<string, StateArray> {
    const state = new Map<string, StateArray>();
    if (this.#held === undefined) return state;
    const { selection, states, ages, lowBits } = this.#held;
    state.set("starts", selection.starts);
    state.set("offsets", selection.offsets);
    for (const [place, { name }] of this.#rule.states.entries()) state.set(name, states[place] as StoredState);
    if (this.#rule.needsAges) {
      const updates = completedSteps - this.#refreshedAt;
      state.set(
        "ages",
        (ages ?? new Uint16Array(1)).map((age) => Math.min(age + updates, oldestAge)),
      );
    }
    if (lowBits !== undefined) state.set("low_bits", lowBits);
    const { shares } = this.#options;
    if (shares.kind === "gradient") state.set("energy", Float32Array.of(shares.energyOf(this.#name)));
    return state;
  }

  restore(state: ReadonlyMap<string, StateArray>, completedSteps: number): void {
    this.#awaitsGradient = false;
    const { shares } = this.#options;
    shares.setEnergy(this.#name, undefined);
    if (state.size === 0 && completedSteps === 0) {
      this.#held = undefined;
      this.#refreshedAt = 0;
      return;
    }
    const { needsAges } = this.#rule;
    const names = this.#rule.states.map(({ name }) => name);
    const hasLowBits = !(this.#values instanceof Float32Array);
    const further = [needsAges && "ages", hasLowBits && "low_bits", shares.kind === "gradient" && "energy"];
    checkStateKeys(state, ["starts", "offsets", ...names, ...further.filter((key) => key !== false)]);
    const { chunkSize } = this.#options;
    const length = this.#values.length;
    const starts = stateArray(state, "starts", Uint32Array, Math.ceil(length / chunkSize) + 1).slice();
    const count = starts[starts.length - 1] as number;
    const offsets = stateArray(state, "offsets", Uint16Array, count).slice();
    const selection = { length, chunkSize, count, starts, offsets };
    checkSelection(selection);
    const type = this.#options.stateType === "float32" ? Float32Array : Uint16Array;
    const states = names.map((name) => stateArray<StoredState>(state, name, type, count).slice());
    const ages = needsAges ? stateArray(state, "ages", Uint16Array, this.#hasAges ? count : 1) : undefined;
    if (ages?.some((age) => age > completedSteps)) {
      throw new RangeError(
        `ages has ${ages.find((age) => age > completedSteps)}; expected at most the ${completedSteps} completed steps`,
      );
    }
    const lowBits = hasLowBits ? stateArray(state, "low_bits", Int16Array, count).slice() : undefined;
    this.#held = { selection, states, ages: this.#hasAges ? ages?.slice() : undefined, lowBits };
    if (shares.kind === "gradient") {
      const [energy] = stateArray(state, "energy", Float32Array, 1);
      if (completedSteps > 0) shares.setEnergy(this.#name, energy);
    }
    this.#refreshedAt = this.#hasAges ? completedSteps : completedSteps - (ages?.[0] ?? 0);
  }
}
