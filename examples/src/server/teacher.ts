/** A model that goes on answering while another one learns to take its place. */
import { type FinetuneInput, finetune, type LoadedModel, loadModel, type RunEvent } from "nanoadam";
import type { LabelledText } from "./requests.js";

export interface TeacherOptions {
  /** The fine-tuned model that answers first. */
  readonly folder: string;
  /** What new models are made from. */
  readonly base: string;
  /** The folder that they are written to. */
  readonly output: string;
  /** How they are trained: `threads`, for instance, so that answers keep some cores for themselves. */
  readonly training?: Partial<FinetuneInput>;
}

export class Teacher {
  readonly #options: TeacherOptions;
  #model: LoadedModel;
  #isTeaching = false;

  private constructor(options: TeacherOptions, model: LoadedModel) {
    this.#options = options;
    this.#model = model;
  }

  static async open(options: TeacherOptions): Promise<Teacher> {
    return new Teacher(options, await loadModel(options.folder, { threads: options.training?.threads }));
  }

  /** The model that answers now. */
  get model(): LoadedModel {
    return this.#model;
  }

  get isTeaching(): boolean {
    return this.#isTeaching;
  }

  /** Fine-tunes on rows in a thread of its own; whoever leaves the loop ends that. The result then answers. */
  async *teach(rows: readonly LabelledText[], signal: AbortSignal): AsyncGenerator<RunEvent, void> {
    const { base, output, training } = this.#options;
    this.#isTeaching = true;
    try {
      const options = { ...training, model: base, train: rows, text: "text", label: "label", output, overwrite: true };
      for await (const event of finetune(options, { worker: true, signal })) {
        if (event.type === "done") await this.#replaceModel();
        yield event;
      }
    } finally {
      this.#isTeaching = false;
    }
  }

  async #replaceModel(): Promise<void> {
    const before = this.#model;
    this.#model = await loadModel(this.#options.output, { threads: this.#options.training?.threads });
    // Requests that it has begun are answered first.
    await before.close();
  }
}
