/** Saves a run while it goes on, so that it can go on after an interruption. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Runtime } from "@nanoadam/engine";
import { defaultThreads } from "@nanoadam/engine/node";
import type { Optimizer } from "@nanoadam/optim";
import { nonFiniteIndex } from "../checkpoint/floats.js";
import { writeStates } from "../checkpoint/state-file.js";
import { InputError } from "../errors.js";
import type { OutputFolder } from "../files/output-folder.js";
import { StepFolders } from "../files/step-folders.js";
import { describeSystemError } from "../files/system-error.js";
import { writeFileAtomically } from "../files/write-file.js";
import type { FinetuneInput, FinetuneOptions } from "../options/finetune-options.js";
import type { Best, BestWeights } from "../train/best-weights.js";
import type { RunPosition, TrainingObserver } from "../train/observer.js";
import type { Plan } from "../train/plan.js";
import type { PreparedRun } from "../train/prepare.js";
import type { SettledTraining } from "../train/settle.js";
import type { Fingerprint } from "./fingerprints.js";
import type { MetricsLog } from "./metrics-log.js";
import type { Microscope } from "./microscope.js";
import { readHeldWeights, saveModel, sizeOfSaved } from "./save-model.js";
import { type RunState, readRunState, runFiles, type SavedRun } from "./saved-run.js";

/** What there is to save, and where. */
export interface CheckpointerOptions {
  readonly input: FinetuneInput;
  readonly options: FinetuneOptions;
  readonly settled: SettledTraining;
  readonly plan: Plan;
  readonly run: PreparedRun;
  readonly engine: Pick<Runtime, "name" | "version">;
  readonly output: OutputFolder;
  readonly optimizer: Optimizer;
  readonly log: MetricsLog;
  readonly best: BestWeights | undefined;
  readonly microscope: Microscope | undefined;
  readonly fingerprints: () => Promise<readonly Fingerprint[]>;
  readonly results: Pick<RunState, "before" | "trials" | "retained">;
  /** The run that this one goes on with. */
  readonly saved: SavedRun | undefined;
  /** When the run was begun, by `performance.now`; earlier where it goes on. */
  readonly started: number;
  /** A run that is cancelled is saved although no checkpoints were asked for. */
  readonly savesCancelled: boolean;
  readonly listener: Pick<TrainingObserver, "onNotice" | "onCheckpoint">;
}

/**
 * Writes `OUTPUT/checkpoints/step-N` (`step-folders.ts`) every so many steps, where the best weights come, and where the run is
 * cancelled. When one is whole, those go that are no longer wanted, an earlier run's among them. One that cannot be written is
 * told, and the run goes on.
 */
export class Checkpointer implements TrainingObserver {
  readonly #options: CheckpointerOptions;
  readonly #folders: StepFolders;
  readonly #identity: Pick<RunState, "run" | "begun">;
  /** The last step that is saved. */
  #savedStep: number | undefined;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    const { saved, output } = options;
    this.#folders = new StepFolders(output.target);
    this.#savedStep = saved?.state.step;
    this.#identity = saved?.state ?? { run: randomBytes(8).toString("hex"), begun: new Date().toISOString() };
  }

  /** What tells the run from others; undefined where nothing of it is saved. */
  get identity(): string | undefined {
    return this.#savedStep === undefined ? undefined : this.#identity.run;
  }

  async betweenSteps(position: RunPosition): Promise<void> {
    const { plan, best, listener } = this.#options;
    const { step } = position;
    const isDue = plan.saveEvery !== undefined && step % plan.saveEvery === 0;
    const isBest = best?.soFar.best?.step === step;
    if (!isDue && !isBest) return;
    const attempt = () => this.#save(position).then(() => undefined, describeSystemError);
    let failure = await attempt();
    // The next step moves the weights on: there is no other time to save the best ones.
    if (failure !== undefined && isBest) failure = await attempt();
    if (failure === undefined) return;
    const last = this.#savedStep === undefined ? "there is none yet" : `the last is that of step ${this.#savedStep}`;
    listener.onNotice?.(
      `no checkpoint after step ${step}: ${failure.replace(/\.$/, "")}; ${last}, and the run goes on`,
    );
  }

  async onCancel(position: RunPosition): Promise<string | undefined> {
    const { plan, options, savesCancelled } = this.#options;
    const { step } = position;
    if (plan.saveEvery === undefined && !savesCancelled && this.#savedStep === undefined) return undefined;
    if (step === 0) return undefined;
    if (this.#savedStep !== step) {
      await this.#save(position).catch((error: unknown) => {
        throw new InputError(
          `interrupted after ${step} steps, which could not be saved: ${describeSystemError(error).replace(/\.$/, "")}; ${
            this.#savedStep === undefined ? "nothing was written" : `\`resume\` goes on after step ${this.#savedStep}`
          }`,
        );
      });
    }
    return `all is saved, and \`resume\` ${options.output.output} goes on`;
  }

  /**
   * Gives the weights the values of the best step, and says which that is; nothing where no best is looked for, or it could not
   * be saved.
   * @param held the step that the weights are of, where they are good
   * @throws InputError where they cannot be read.
   */
  async restoreBest(held: number | undefined): Promise<Best | undefined> {
    const { best: found, run, listener } = this.#options;
    const best = found?.soFar.best;
    if (best === undefined || best.step === held) return best;
    // A checkpoint of that step may be there that is an earlier run's.
    const state = await readRunState(this.#folders.path(best.step)).catch(() => undefined);
    if (state?.run !== this.#identity.run) {
      listener.onNotice?.(`the best weights, of step ${best.step}, could not be saved: the last are the result`);
      return undefined;
    }
    await readHeldWeights(this.#folders.path(best.step), run.pretrained);
    return best;
  }

  /** About how many bytes the checkpoints take that are there at a time. */
  async bytes(): Promise<number> {
    const { plan, options, run, optimizer } = this.#options;
    const count = (plan.saveEvery === undefined ? 0 : options.saving.keep) + (plan.evaluatesLast ? 1 : 0);
    if (count === 0) return 0;
    return (count + 1) * ((await sizeOfSaved("held", run)) + optimizer.stateBytes());
  }

  /** The result is in its place: checkpoints that were not asked for go. */
  async end(): Promise<void> {
    if (this.#options.plan.saveEvery === undefined && this.#savedStep !== undefined) await this.#folders.removeAll();
  }

  async #save(position: RunPosition): Promise<void> {
    const { run, options, optimizer, log, microscope, output } = this.#options;
    for (const [name, values] of run.pretrained.weights) {
      if (nonFiniteIndex(values) !== undefined) throw new InputError(`${name} is no longer finite`);
    }
    const state = await this.#stateAt(position);
    await this.#folders.write(position.step, async (folder) => {
      const path = (file: string) => join(folder, file);
      await saveModel({ path }, options, run, "held");
      await writeStates(path(runFiles.optimizer), optimizer.stateInPlace().tensors);
      await log.copyTo(path(runFiles.metrics));
      await microscope?.copyTo(path(runFiles.analysis));
      await writeFileAtomically(path(runFiles.state), `${JSON.stringify(state)}\n`);
    });
    this.#savedStep = position.step;
    output.ownCheckpoints();
    await this.#prune(position.step);
    const { step } = position;
    const isBest = this.#options.best?.soFar.best?.step === step;
    this.#options.listener.onCheckpoint?.({ step, folder: this.#folders.path(step), isBest });
  }

  async #stateAt({ step, stepMilliseconds }: RunPosition): Promise<RunState> {
    const { settled, plan, engine, best, results, started, saved } = this.#options;
    return {
      format: 1,
      ...this.#identity,
      step,
      totalSteps: plan.totalSteps,
      options: storable(this.#options.input),
      workingDirectory: process.cwd(),
      inputs: [...(await this.#options.fingerprints())],
      threads: settled.threads ?? defaultThreads(),
      engine: `${engine.name} ${engine.version}`,
      learningRate: settled.learningRate,
      ...results,
      soFar: best?.soFar ?? saved?.state.soFar ?? { since: 0 },
      stepMilliseconds: [...stepMilliseconds],
      seconds: (performance.now() - started) / 1000,
    };
  }

  /** Removes what is not wanted beside the checkpoint of a step: other runs', later ones, and those before the last few. */
  async #prune(step: number): Promise<void> {
    const { best, options } = this.#options;
    const wanted: number[] = [];
    for (const each of await this.#folders.steps()) {
      const state = await readRunState(this.#folders.path(each)).catch(() => undefined);
      if (state?.run === this.#identity.run && each <= step) wanted.push(each);
      else await this.#folders.remove(each);
    }
    for (const each of wanted.slice(0, -options.saving.keep)) {
      if (each !== best?.soFar.best?.step) await this.#folders.remove(each);
    }
    await this.#folders.sweep();
  }
}

/** Options that JSON can hold: rows of a program are not among them. */
function storable(input: FinetuneInput): Record<string, unknown> {
  const { output: _, train, eval: evaluation, ...options } = input;
  const files = Object.entries({ train, eval: evaluation }).filter(([, data]) => typeof data === "string");
  return Object.fromEntries([...Object.entries(options), ...files].filter(([, value]) => value !== undefined));
}
