import { planBatches } from "../data/batches.js";
import { InputError } from "../errors.js";
import type { Model } from "../models/model.js";
import type { Programs } from "../program/program-cache.js";
import type { EncodedExample, Metrics, TaskBatch, TextTask } from "../tasks/text-task.js";

/** The mean loss over some examples, and the task's metrics. */
export type Evaluation = { readonly loss: number } & Metrics;

export interface EvaluateModelOptions {
  readonly model: Model;
  readonly task: TextTask;
  readonly examples: readonly EncodedExample[];
  readonly batchSize: number;
  readonly programs: Programs;
  /** Names the masks of a masked-LM evaluation, which stay the same from one evaluation to the next. */
  readonly seed: number;
}

/** Runs the model over examples, without dropout; `receive` gets each batch's logits and the examples' indices. */
export async function forEachBatch(
  { model, task, examples, batchSize, programs, seed }: EvaluateModelOptions,
  receive: (logits: Float32Array, batch: TaskBatch, loss: number, indices: readonly number[]) => void,
): Promise<void> {
  const plans = planBatches(
    examples.map(({ ids }) => ids.length),
    { batchSize, shuffle: undefined, maxLength: model.maximumLength },
  );
  for (const [step, plan] of plans.entries()) {
    const batch = task.batch(examples, plan, { seed, step });
    const program = await programs.of(batch.tokens);
    program.load(new Map([...model.inputs(batch.tokens), ...batch.targets]));
    const loss = await program.forward();
    receive(program.logits(), batch, loss, plan.indices);
  }
}

/**
 * Loss and metrics of a model on labelled examples.
 * @throws InputError where there is nothing to predict: masked-LM on texts without tokens.
 */
export async function evaluateModel(options: EvaluateModelOptions): Promise<Evaluation> {
  const collector = options.task.collector();
  let [sum, weight] = [0, 0];
  await forEachBatch(options, (logits, batch, loss) => {
    collector.add(logits, batch);
    sum += loss * batch.weight;
    weight += batch.weight;
  });
  if (weight === 0) throw new InputError("the evaluation texts have no token that could be hidden, as masked-lm needs");
  const loss = sum / weight;
  return { loss, ...collector.metrics(loss) };
}
