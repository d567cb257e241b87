/**
 * A model and its loss compiled for the types of one batch: a list of bound functions, one forward and one backward a stage,
 * over one layout of memory. Stages with the same block share their compiled functions; what differs between them is only
 * the memory that is bound. After compilation nothing is allocated: a step is a walk down the list and up again. With
 * checkpointing a stage runs forward a second time on the way up, with the same dropout, which gives the same bits. So do
 * the pieces of a head over a large vocabulary, whose logits are never there all at once, nor its table in float32; but for those
 * whose softmax is kept.
 */
import { fillDropoutMask } from "@nanoadam/engine";
import type { Batch } from "../data/batch.js";
import type { StepKey } from "../random-streams.js";
import type { LogitColumns } from "../tasks/task.js";
import { type Bound, type BoundPart, type BoundStage, bindStages } from "./bind-stages.js";
import { compileStages, type ProgramOptions, releaseStages, type StageRun } from "./compile-stages.js";
import type { GradientReceiver } from "./gradient-form.js";
import type { KeyValueCache } from "./key-value-cache.js";
import { layOut, type ProgramLayout } from "./layout.js";

/**
 * Takes the logits of all rows, [rows, columns]: all of them, or over a large vocabulary the columns from one to before another.
 * They are valid until it returns.
 */
export type LogitsReceiver = (logits: Float32Array, columns: LogitColumns | undefined) => void;

const noDropout: StepKey = { seed: 0, step: 0 };

export class Program {
  readonly #options: ProgramOptions;
  readonly #stages: readonly StageRun[];
  readonly #layout: ProgramLayout;
  #bound: Bound | undefined;
  #generation = -1;
  #cache: KeyValueCache | undefined;
  #cacheGeneration = -1;
  #key = noDropout;
  /** What the weights that are in place were brought there by. */
  #placed: BoundPart["place"] | undefined;

  private constructor(options: ProgramOptions, stages: readonly StageRun[]) {
    this.#options = options;
    this.#stages = stages;
    this.#layout = layOut(options, stages);
    options.arena.reserve(this.#layout.bytes);
  }

  /** Builds, derives and compiles the stages. */
  static async compile(options: ProgramOptions): Promise<Program> {
    return new Program(options, await compileStages(options));
  }

  /**
   * Puts the tensors in place that the stages ask for.
   * @param cache keys and values of earlier tokens, where the batch goes on from them; the forward pass adds to it
   * @throws Error for a batch of other types than the program's.
   */
  load({ tensors }: Batch, cache?: KeyValueCache): void {
    if (cache !== this.#cache) this.#bound = undefined;
    this.#cache = cache;
    for (const [name, memory] of this.#memory().batch) {
      const data = tensors.get(name)?.data;
      if (data === undefined || data.length !== memory.length) {
        throw new Error(`the batch has ${data?.length ?? "no"} entries of "${name}", expected ${memory.length}`);
      }
      memory.set(data);
    }
  }

  /** Runs the stages in order; returns the loss, a sum over rows, or NaN in a program without one. */
  async forward(key: StepKey = noDropout, receive?: LogitsReceiver): Promise<number> {
    this.#key = key;
    this.#placed = undefined;
    const { stages, vocabularyLoss, logits } = this.#memory();
    vocabularyLoss?.begin();
    let loss = Number.NaN;
    for (const stage of stages) {
      await this.#forward(stage);
      stage.update();
      for (const keep of stage.keep) keep();
      const { judged } = stage;
      if (judged === undefined) continue;
      if (judged.loss !== undefined) loss = judged.loss[0] ?? Number.NaN;
      if (judged.piece !== undefined) {
        await judged.piece.judge();
        vocabularyLoss?.add(judged.piece);
      }
      if (judged.columns !== undefined && logits !== undefined) putColumns(judged.logits, judged.columns, logits);
      receive?.(judged.logits, judged.columns);
    }
    return vocabularyLoss?.total() ?? loss;
  }

  async #forward({ masks, forward }: BoundStage): Promise<void> {
    const { seed, step } = this.#key;
    for (const { data, rate, site } of masks) fillDropoutMask(data, rate, { seed, step, site });
    await this.#run(forward);
  }

  async #run(parts: readonly BoundPart[]): Promise<void> {
    for (const part of parts) {
      if (this.#placed !== part.place) for (const place of part.place) place();
      this.#placed = part.place;
      await part.run();
    }
  }

  /**
   * Runs the stages of the last forward pass in reverse; the gradients of each, of the loss times `factor`, are handed out as
   * they appear.
   */
  async backward(receive: GradientReceiver, factor = 1): Promise<void> {
    const bound = this.#memory();
    if (this.#options.training === undefined) throw new Error("the program was not compiled for training");
    if (bound.lossCotangent !== undefined) bound.lossCotangent[0] = factor;
    const keepsInputsOnly = this.#options.training?.checkpointing === "stage";
    const [last] = bound.upwards;
    for (const stage of bound.upwards) {
      if (stage.backward === undefined) continue;
      const { columns, piece, addition } = stage.judged ?? {};
      if ((keepsInputsOnly || columns !== undefined) && stage !== last && piece?.isKept !== true) {
        await this.#forward(stage);
        await piece?.judge();
      }
      if (piece?.gradient !== undefined) {
        bound.vocabularyLoss?.writeRowFactors(piece, piece.gradient, factor);
        await piece.gradient.find();
        bound.vocabularyLoss?.addLabels(piece, piece.gradient, factor);
      }
      await this.#run(stage.backward);
      if (addition !== undefined) addTo(addition.sum, addition.added);
      receive(stage.gradients, stage.complete);
    }
  }

  /**
   * The logits of the last forward pass, valid until the next.
   * @throws Error where there are too many to be there all at once
   */
  logits(): Float32Array {
    const { stages, logits } = this.#memory();
    const judged = stages.at(-1)?.judged;
    const whole = judged?.columns === undefined ? judged?.logits : logits;
    if (whole === undefined) throw new Error("the logits are there for some columns at a time");
    return whole;
  }

  async release(): Promise<void> {
    await releaseStages(this.#stages);
  }

  #memory(): Bound {
    const { arena } = this.#options;
    const cache = this.#cache;
    const isCurrent = this.#generation === arena.generation && this.#cacheGeneration === (cache?.generation ?? -1);
    if (this.#bound === undefined || !isCurrent) {
      this.#bound = bindStages({ ...this.#options, cache }, this.#stages, this.#layout);
      this.#generation = arena.generation;
      this.#cacheGeneration = cache?.generation ?? -1;
    }
    return this.#bound;
  }
}

/** Puts the logits of some columns among those of all. */
function putColumns(piece: Float32Array, { from, to }: LogitColumns, all: Float32Array): void {
  const rows = piece.length / (to - from);
  for (let row = 0; row < rows; row++) {
    all.set(piece.subarray(row * (to - from), (row + 1) * (to - from)), (row * all.length) / rows + from);
  }
}

function addTo(sum: Float32Array, added: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (added[i] as number);
}
