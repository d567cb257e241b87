/** What moves entries: each by its own gradient and its own states, whichever entries are selected. */

import type { Parameter, Selection, TensorRule } from "../types.js";

/** A number that a rule keeps of every entry. */
export interface EntryState {
  /** As snapshots call it, such as `first_moment`. */
  readonly name: string;
  /**
   * How it is rounded where states are stored in bfloat16: stochastically, if it changes by so little a step that rounding to
   * nearest would lose it.
   */
  readonly rounding: "nearest" | "stochastic";
  /**
   * What it is of an entry that is newly selected: 0 unless given; or the mean over the entries of its chunk that stay selected, where
   * there are any.
   */
  readonly entering?: "zero" | "mean";
}

/** The selected entries of some chunks of a tensor, in float32: those of the first chunk begin where each `...Start` says. */
export interface EntriesAtHand {
  readonly selection: Selection;
  readonly firstChunk: number;
  readonly endChunk: number;
  /** One value per selected entry. */
  readonly gradient: Float32Array;
  readonly gradientStart: number;
  /** The tensor's values, or those of the one chunk at hand. */
  readonly values: Float32Array;
  readonly valueStart: number;
  /** Of each of the rule's states one value per selected entry. */
  readonly states: readonly Float32Array[];
  readonly stateStart: number;
  /** Updates that each entry had before its selection was last refreshed, where they differ; one per selected entry. */
  readonly ages: Uint16Array | undefined;
}

/** What all entries of a tensor have in common in a step. */
export interface StepAtHand {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** From 0. */
  readonly step: number;
  /** Steps since the selection was made, this one included. It adds to each entry's age. */
  readonly age: number;
}

/**
 * A rule of update without a choice of entries: {@link selected} puts a selection in front of it. An update of an entry is a
 * function of its weight, its gradient and its states, which start at 0.
 */
export interface UpdateRule {
  /** Such as `adam`; an optimizer of selected entries is called `nanoadam` then. */
  readonly name: string;
  /** At most {@link mostStates}. */
  readonly states: readonly EntryState[];
  /** Whether an entry's update depends on how many it has had since it was selected. */
  readonly needsAges: boolean;
  /** Updates values and states of the selected entries in place. */
  update(entries: EntriesAtHand, step: StepAtHand): void;
  /** The same rule on every entry of a tensor, for those that are not selected from. */
  whole(parameter: Parameter, weightDecay: number): TensorRule;
}

/** What a refresh carries over at once. */
export const mostStates = 2;
