import { type Batch, type BatchType, batchType } from "../data/batch.js";
import type { ProgramOptions } from "./compile-stages.js";
import type { KeyValueCache } from "./key-value-cache.js";
import { Program } from "./program.js";

/** Programs kept compiled at a time; the one longest unused makes way. */
const kept = 24;

/**
 * The programs of a model by the types of a batch and the forms of its gradients, compiled when they first occur. All share
 * one arena, so a batch has it for itself until it is done: calls queue.
 */
export class ProgramCache {
  readonly #options: Omit<ProgramOptions, "batch">;
  readonly #programs = new Map<string, Program>();
  #isReleased = false;

  constructor(options: Omit<ProgramOptions, "batch">) {
    this.#options = options;
  }

  /**
   * Calls `run` with the program of a batch, loaded with it; what the program holds is the batch's until `run` is done.
   * @param cache keys and values of earlier tokens, where the batch goes on from them
   */
  async use<Result>(batch: Batch, run: (program: Program) => Promise<Result>, cache?: KeyValueCache): Promise<Result> {
    const { arena, model } = this.#options;
    return arena.exclusive(async () => {
      if (this.#isReleased) throw new Error("the model was released");
      const extended = model.backbone.extend?.(batch) ?? batch;
      const program = await this.#of(batchType(extended));
      program.load(extended, cache);
      return run(program);
    });
  }

  /** Compiles the program of a batch like this one and reserves its memory. */
  async reserve(batch: Batch): Promise<void> {
    await this.use(batch, async () => undefined);
  }

  /** Frees all programs, when those in use are done. */
  async release(): Promise<void> {
    await this.#options.arena.exclusive(async () => {
      this.#isReleased = true;
      for (const program of this.#programs.values()) await program.release();
      this.#programs.clear();
    });
  }

  async #of(batch: BatchType): Promise<Program> {
    const key = this.#key(batch);
    const program = this.#programs.get(key) ?? (await Program.compile({ ...this.#options, batch }));
    this.#programs.delete(key);
    this.#programs.set(key, program);
    const [oldest] = this.#programs;
    if (this.#programs.size > kept && oldest !== undefined) {
      this.#programs.delete(oldest[0]);
      await oldest[1].release();
    }
    return program;
  }

  #key(batch: BatchType): string {
    const { model, training } = this.#options;
    let key = "";
    for (const [name, { shape }] of batch) key += `${name}[${shape}] `;
    // The density falls during a run, and which gradients are sampled changes with it.
    if (training !== undefined) for (const { name } of model.parameters) key += training.form(name)[0];
    return key;
  }
}
