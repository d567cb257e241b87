/** What the steps of a run work with: compiled once, for the run itself and for what is tried before it. */
import { Arena, type Runtime, type SampledProduct } from "@nanoadam/engine";
import { createSampledProduct, defaultThreads } from "@nanoadam/engine/node";
import type { GradientNeed, Optimizer, OptimizerState } from "@nanoadam/optim";
import type { Batch } from "../data/batch.js";
import type { Dataset } from "../data/dataset.js";
import { takeTurn } from "../data/in-turns.js";
import { InputError } from "../errors.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";
import { defaultSampledBelow, type GradientForm, gradientForm } from "../program/gradient-form.js";
import { ProgramCache } from "../program/program-cache.js";
import { type WholeGradientReceiver, WholeGradients } from "../program/whole-gradients.js";
import type { ReviewAccumulator } from "../tasks/review.js";
import { type Evaluation, evaluateModel } from "../train/evaluation.js";
import { createLoader } from "../train/loader.js";
import { type LoopResult, runSteps, type StopSignal } from "../train/loop.js";
import type { EvaluationFigures, RunPosition, TrainingObserver } from "../train/observer.js";
import { createOptimizer } from "../train/optimizer.js";
import type { Plan } from "../train/plan.js";
import type { PreparedRun } from "../train/prepare.js";
import type { SettledTraining } from "../train/settle.js";

/** Steps to take. */
export interface StepsToTake {
  readonly dataset: Dataset;
  readonly plan: Plan;
  /** The highest of the schedule. */
  readonly learningRate: number;
  readonly observers: readonly TrainingObserver[];
  readonly signal: StopSignal | undefined;
  /** What was done before, of a run that goes on. */
  readonly before?: RunPosition | undefined;
  /** Called between steps, as the plan says. */
  evaluate(): Promise<EvaluationFigures>;
}

/** Evaluations run at least so many examples together; what comes out does not depend on it. */
const evaluationBatch = 32;

/** What a probe has found beside gradients. */
export interface Probed {
  /** Mean over what the batch is learned from. */
  readonly loss: number;
  readonly examples: number;
}

/** Examples that an evaluation runs together. */
export function evaluationBatchSize(
  { training }: Pick<FinetuneOptions, "training">,
  settled: Pick<SettledTraining, "batchSize">,
): number {
  return training.batchSize ?? Math.max(evaluationBatch, settled.batchSize);
}

export class TrainingSession {
  readonly sampledBelow: number;
  readonly #options: FinetuneOptions;
  readonly #settled: SettledTraining;
  readonly #run: PreparedRun;
  readonly #sampledProduct: SampledProduct;
  readonly #evaluationPrograms: ProgramCache;
  readonly #trainingPrograms: ProgramCache;
  readonly #retentionPrograms: ProgramCache | undefined;
  /** Of training, but for gradients, which are whole. */
  readonly #probePrograms: ProgramCache;
  /** The optimizer of the steps under way, which says what is needed of gradients. */
  #optimizer: Optimizer | undefined;

  constructor(options: FinetuneOptions, settled: SettledTraining, run: PreparedRun, runtime: Runtime) {
    this.#options = options;
    this.#settled = settled;
    this.#run = run;
    const { model, weights } = run.pretrained;
    const threads = settled.threads ?? defaultThreads();
    const sampledBelow = settled.sampledBelow ?? defaultSampledBelow;
    this.sampledBelow = sampledBelow;
    this.#sampledProduct = createSampledProduct({ threads });
    const parameters = new Map(model.parameters.map((parameter) => [parameter.name, parameter]));
    const arena = new Arena();
    const shared = { model, weights, runtime, arena };
    this.#evaluationPrograms = new ProgramCache({ ...shared, loss: run.task.loss });
    this.#retentionPrograms =
      run.retention && new ProgramCache({ ...run.retention.measured, runtime, arena, loss: run.retention.task.loss });
    const trainingPrograms = (form: (name: string) => GradientForm) =>
      new ProgramCache({
        ...shared,
        loss: run.trainingTask.loss,
        training: { dropout: settled.dropout, checkpointing: settled.checkpointing, form },
      });
    this.#trainingPrograms = trainingPrograms((name) =>
      gradientForm(this.#need(name), parameters.get(name)?.role ?? "weight", sampledBelow),
    );
    this.#probePrograms = trainingPrograms((name) => (this.#need(name).kind === "nothing" ? "none" : "dense"));
  }

  #need(name: string): GradientNeed {
    if (this.#optimizer === undefined) throw new Error("no optimizer was started");
    return this.#optimizer.need(name);
  }

  /** An optimizer over the weights as they are now, for so many steps; it goes on from a state, where one is given. */
  startOptimizer(plan: Plan, state?: OptimizerState): Optimizer {
    const optimizer = createOptimizer(this.#options.optimizer, this.#run.pretrained, plan, this.#settled.seed);
    // A state has the selections of its last step; whether they are due is the next step's concern, if there is one.
    if (state === undefined) optimizer.prepare();
    else restore(optimizer, state);
    this.#optimizer = optimizer;
    return optimizer;
  }

  /** Takes memory for the largest batch first: a block that grew would lie beside the smaller one for a while. */
  async reserve(): Promise<void> {
    await takeTurn();
    const loader = this.#loader(this.#run.train, { stepsPerEpoch: 1, totalSteps: 1 });
    await this.#trainingPrograms.reserve(await loader.largest());
  }

  /** Takes memory for probes, too. */
  async reserveForProbes(): Promise<void> {
    const [batch] = await this.#probeBatch();
    await this.#probePrograms.reserve(batch);
  }

  /**
   * Runs the batch that the run's first step begins with forward and backward, as that step does, and hands out the gradients of its
   * mean loss whole, stage by stage. Nothing of the run is changed.
   */
  async probe(receive: WholeGradientReceiver): Promise<Probed> {
    const { model, weights } = this.#run.pretrained;
    const [batch, examples] = await this.#probeBatch();
    const buffers = model.buffers.map(({ name }) => [name, weights.get(name)?.slice()] as const);
    const gradients = new WholeGradients(model, receive);
    const weight = batch.weight === 0 ? 1 : batch.weight;
    try {
      return await this.#probePrograms.use(batch, async (program) => {
        const loss = (await program.forward({ seed: this.#settled.seed, step: 0 })) / weight;
        await program.backward(gradients.add, 1 / weight);
        gradients.finish();
        return { loss, examples };
      });
    } finally {
      for (const [name, values] of buffers) if (values !== undefined) weights.get(name)?.set(values);
    }
  }

  /** One batch alone, however many a step has. */
  async #probeBatch(): Promise<readonly [batch: Batch, examples: number]> {
    const settled = { ...this.#settled, accumulate: 1, maximumSize: this.#run.files.maximumSize };
    const { trainingTask, train } = this.#run;
    const { batches, examples } = createLoader(trainingTask, train, { stepsPerEpoch: 1, totalSteps: 1 }, settled).of(0);
    for await (const batch of batches) return [batch, examples];
    throw new Error("the first step has no batch");
  }

  /** Steps of the optimizer that was started last. */
  async takeSteps({ dataset, plan, ...steps }: StepsToTake): Promise<LoopResult> {
    if (this.#optimizer === undefined) throw new Error("no optimizer was started");
    await takeTurn();
    return runSteps({
      ...this.#settled,
      ...steps,
      plan,
      loader: this.#loader(dataset, plan),
      programs: this.#trainingPrograms,
      optimizer: this.#optimizer,
      accumulator: new GradientAccumulator(this.#run.pretrained.model.parameters, this.#sampledProduct),
    });
  }

  evaluate(dataset: Dataset, review?: ReviewAccumulator): Promise<Evaluation> {
    const batchSize = evaluationBatchSize(this.#options, this.#settled);
    return evaluateModel({ task: this.#run.task, dataset, batchSize, programs: this.#evaluationPrograms, review });
  }

  /** What the model keeps of what it knew; nothing where nobody asks. */
  async evaluateRetained(): Promise<Pick<EvaluationFigures, "retained">> {
    const { retention } = this.#run;
    const programs = this.#retentionPrograms;
    if (retention === undefined || programs === undefined) return {};
    const { task, dataset } = retention;
    const batchSize = evaluationBatchSize(this.#options, this.#settled);
    return { retained: await evaluateModel({ task, dataset, batchSize, programs }) };
  }

  /** Frees what the engine holds. */
  async release(): Promise<void> {
    await this.#trainingPrograms.release();
    await this.#retentionPrograms?.release();
    await this.#probePrograms.release();
    await this.#evaluationPrograms.release();
    await this.#sampledProduct.release();
  }

  #loader(dataset: Dataset, plan: Pick<Plan, "stepsPerEpoch" | "totalSteps">) {
    return createLoader(this.#run.trainingTask, dataset, plan, {
      ...this.#settled,
      maximumSize: this.#run.files.maximumSize,
    });
  }
}

/** @throws InputError for the state of another optimizer, or of another model. */
function restore(optimizer: Optimizer, state: OptimizerState): void {
  try {
    optimizer.restore(state);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(
      `the saved state of the optimizer is none of ${optimizer.name} for this model: ${error.message}`,
    );
  }
}
