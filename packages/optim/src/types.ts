/**
 * The contract between an optimizer and whoever computes gradients.
 *
 * An ordinary optimizer asks for every gradient and decides afterwards. NanoAdam decides first: which entries of a weight
 * will move follows from the weights alone, so it can say *before* the backward pass what it needs of each tensor. A step
 * is therefore three calls:
 *
 *     optimizer.prepare();                             // refresh the selections that are due
 *     const need = optimizer.need("layer.weight");     // "nothing", "whole", or a list of entries
 *     optimizer.apply(gradients, learningRate);        // the gradients asked for, and nothing else
 *
 * Who has gradients one tensor after another, and no memory for all of them, calls `update` for each and then `complete`.
 *
 * An optimizer is one {@link TensorRule} per tensor; a new optimizer is a new rule.
 */

/** Weights in float32, or as the bits of bfloat16. */
export type WeightArray = Float32Array | Uint16Array;

/** A tensor to train. `values` holds the entries in row-major order and is updated in place. */
export interface Parameter<Values extends WeightArray = Float32Array> {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Values;
}

/**
 * A selection of entries of one flattened tensor. The tensor is cut into chunks of `chunkSize` entries (the last may be
 * shorter), so that an entry is named by a 16-bit offset inside its chunk: entry `chunk * chunkSize + offset`.
 *
 * Selection order, the order of packed gradients and states, is ascending by entry.
 */
export interface Selection {
  /** Entries of the tensor. */
  readonly length: number;
  /** Entries of a full chunk, at most 65,536. */
  readonly chunkSize: number;
  /** Selected entries. */
  readonly count: number;
  /** One number per chunk and one more: the offsets of chunk `c` are `offsets[starts[c] .. starts[c + 1])`. */
  readonly starts: Uint32Array;
  /** One per selected entry, ascending inside each chunk. */
  readonly offsets: Uint16Array;
}

/** The part of one tensor's gradient that a step needs. */
export type GradientNeed =
  | { readonly kind: "nothing" }
  | { readonly kind: "whole" }
  | {
      readonly kind: "entries";
      readonly selection: Selection;
      /** Whether the gradient may come in bfloat16, as who keeps moments in it loses nothing by that. */
      readonly mayBeNarrow?: boolean;
    };

/** The kinds of arrays that states are made of. */
export type StateArray = Float32Array | Uint32Array | Int16Array | Uint16Array | Uint8Array;

/**
 * A snapshot of an optimizer. `tensors` is keyed by `<parameter>/<state>`, where `<state>` is one of the names that the
 * rule documents (for example `encoder.weight/first_moment`).
 */
export interface OptimizerState {
  readonly completedSteps: number;
  readonly tensors: ReadonlyMap<string, StateArray>;
}

export interface Optimizer {
  readonly name: string;
  /** Steps applied so far; also the number, from 0, of the step to come. */
  readonly completedSteps: number;

  /** Before the backward pass: refreshes the selections that are due, from the weights alone. Idempotent until the step ends. */
  prepare(): void;

  /**
   * The part of a tensor's gradient that the step needs. A selection's buffers are valid until the `prepare` that
   * refreshes it; each refresh gives a new object, so `!==` shows that a selection has changed.
   *
   * @throws RangeError for a name that is not a parameter.
   * @throws Error before the first `prepare`, for a tensor that has no selection yet.
   */
  need(parameterName: string): GradientNeed;

  /**
   * Updates the weights in place and counts the step.
   *
   * @param gradients by parameter name: one value per entry where the need is "whole"; one per selected entry, in
   *   selection order, where it is "entries", as the bits of bfloat16 if they may be; none where it is "nothing". Everything is
   *   checked before anything is written.
   * @param beforeUpdate called with a parameter's name just before it moves
   * @throws RangeError for a missing, unknown or wrongly sized gradient, for one that has a NaN or an infinity, or for a
   *   rate that is not finite and at least 0.
   * @throws Error without a `prepare` since the last `apply`.
   */
  apply(
    gradients: ReadonlyMap<string, WeightArray>,
    learningRate: number,
    beforeUpdate?: (parameterName: string) => void,
  ): void;

  /**
   * The part of `apply` that is one tensor's, as soon as its gradient is there: it comes to the same, in any order of the tensors. The
   * step ends with `complete`, or is given up by `restore`.
   *
   * @throws RangeError as `apply` does, before the tensor is written; another may have moved then.
   * @throws Error without a `prepare` since the last step, and for a tensor that the step has updated already.
   */
  update(
    parameterName: string,
    gradient: WeightArray,
    learningRate: number,
    beforeUpdate?: (parameterName: string) => void,
  ): void;

  /**
   * Counts a step whose tensors were updated one after another.
   *
   * @throws RangeError where a tensor was left out of whose gradient something is needed.
   */
  complete(): void;

  /** The fraction of entries selected, as scheduled for the step last prepared; `undefined` for a dense optimizer. */
  density(): number | undefined;

  /** Bytes held for states, indices and ages. */
  stateBytes(): number;

  /** A snapshot: copies, which later steps do not change. The weights are not part of it. */
  state(): OptimizerState;

  /** The same without copies, for who writes it to disk: the next step or refresh changes the arrays. */
  stateInPlace(): OptimizerState;

  /**
   * Takes up where `state` left off, bit for bit, given the weights of that moment.
   *
   * @throws RangeError where an array is missing, too many, of another type or length than this optimizer would hold.
   */
  restore(state: OptimizerState): void;
}

/**
 * How one tensor is updated. Steps are numbered from 0. The rule holds its own states and a reference to the tensor's
 * values; {@link Optimizer} checks names and sizes, so a rule need not.
 */
export interface TensorRule {
  /** Refreshes the selection, from the weights alone; a second call for the same step must change nothing. */
  prepare(step: number): void;
  need(): GradientNeed;
  apply(gradient: WeightArray, learningRate: number, step: number): void;
  stateBytes(): number;
  /** The states by name, after `completedSteps` steps: the arrays that the rule works on, where it has them in this form. */
  state(completedSteps: number): ReadonlyMap<string, StateArray>;
  /** @throws RangeError for other arrays than `state` gives for this tensor. */
  restore(state: ReadonlyMap<string, StateArray>, completedSteps: number): void;
}
