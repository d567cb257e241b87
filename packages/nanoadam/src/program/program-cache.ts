import type { BatchShape } from "../models/model.js";
import type { ProgramOptions } from "./compile-stages.js";
import { Program } from "./program.js";

/** Shapes kept compiled at a time; the one longest unused makes way. */
const kept = 24;

/** The programs of a model by batch shape, compiled when a shape first occurs. All share one arena. */
export class Programs {
  readonly #options: Omit<ProgramOptions, "shape">;
  readonly #variant: () => string;
  readonly #programs = new Map<string, Program>();

  /** @param variant names what else programs are compiled for now; where it changes, shapes are compiled anew */
  constructor(options: Omit<ProgramOptions, "shape">, variant = () => "") {
    this.#options = options;
    this.#variant = variant;
  }

  async of({ batchSize, length }: BatchShape): Promise<Program> {
    const key = `${batchSize}x${length} ${this.#variant()}`;
    const program =
      this.#programs.get(key) ?? (await Program.compile({ ...this.#options, shape: { batchSize, length } }));
    this.#programs.delete(key);
    this.#programs.set(key, program);
    const [oldest] = this.#programs;
    if (this.#programs.size > kept && oldest !== undefined) {
      this.#programs.delete(oldest[0]);
      await oldest[1].release();
    }
    return program;
  }

  async release(): Promise<void> {
    for (const program of this.#programs.values()) await program.release();
    this.#programs.clear();
  }
}
