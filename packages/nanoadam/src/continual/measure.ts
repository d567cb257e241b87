/** Measuring what is left of a task, and how far the body has moved. */

import { sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { openModelFolder } from "../checkpoint/adapter.js";
import { bodyOf, readBody } from "../checkpoint/body.js";
import type { Dataset } from "../data/dataset.js";
import { defineBackbone } from "../models/architectures.js";
import { parametersOf } from "../models/model.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import { openModel } from "../recipes/open-model.js";
import { measureChange } from "../recipes/weight-shift.js";
import { openTaskData } from "../tasks/open-data.js";
import { taskKind } from "../tasks/registry.js";
import type { Task } from "../tasks/task.js";
import { type Evaluation, evaluateModel } from "../train/evaluation.js";
import type { NoticeListener } from "../train/observer.js";
import { splitData } from "../train/prepare.js";

export interface TaskToMeasure {
  /** The folder that has the task's head: of its own result, or of the model that knew it at first. */
  readonly head: string;
  /** The folder whose body it is put on. */
  readonly body: string;
  readonly options: FinetuneOptions;
  /** The columns that its run read; where they are not known, they are chosen as a run would. */
  readonly columns?: { readonly text?: readonly string[]; readonly label?: readonly string[] } | undefined;
}

/** What came of it, and the kind of task that the head is for. */
export interface Measured {
  readonly task: string;
  readonly evaluation: Evaluation;
}

/**
 * Loss and metrics of a task by its own head on the body of another folder, on the data that its run was evaluated on.
 * @throws InputError where the folder with the head has none, and as `evaluate`
 */
export async function measureTask(
  { head, body, options, columns }: TaskToMeasure,
  listener: NoticeListener = {},
): Promise<Measured> {
  const { threads, engine, batchSize = 32 } = options.training;
  const opened = { maxLength: options.data.maxLength, threads, engine, lossOn: options.objective.lossOn };
  const model = await openModel(head, opened, listener);
  try {
    const { task, pretrained, evaluationPrograms: programs } = model;
    if (body !== head) {
      const checkpoint = await openModelFolder(body);
      try {
        await readBody(checkpoint, pretrained.model.backbone, pretrained.weights);
      } finally {
        await checkpoint.close();
      }
    }
    const dataset = await dataOf(options, task, columns);
    return { task: task.name, evaluation: await evaluateModel({ task, dataset, batchSize, programs }) };
  } finally {
    await model.release();
  }
}

/** The examples that a run is evaluated on: those of `eval`, or the part of `train` that it holds out. */
async function dataOf(
  { data, training }: FinetuneOptions,
  task: Task,
  columns: TaskToMeasure["columns"],
): Promise<Dataset> {
  const kind = taskKind(task.name);
  const named = { ...data, ...columns };
  const reading = { ...named, label: kind.needsLabel ? named.label : undefined };
  if (data.eval !== undefined) {
    return task.read(await openTaskData(kind, data.eval, "eval", { ...reading, limit: data.limitEval }));
  }
  const source = await openTaskData(kind, data.train, "train", { ...reading, limit: data.limitTrain });
  return (await splitData(source, task, data, training.seed)).evaluation;
}

/** How far the body moved from where the sequence began. */
export interface BodyShift {
  /** The l2 norm of what a tensor moved by, as a mean over the tensors. */
  readonly mean: number;
  /** That of all weights together. */
  readonly overall: number;
  /** The share of its weights that differ. */
  readonly changedShare: number;
  /** By layer, in the order of the network, the l2 norm of each tensor by its name in the layer. */
  readonly layers: readonly LayerShift[];
}

export interface LayerShift {
  readonly layer: string;
  readonly mean: number;
  readonly tensors: Readonly<Record<string, number>>;
}

/** Compares the bodies of two folders of one architecture, weight by weight; heads and running statistics do not count. */
export async function measureShift(base: string, now: string): Promise<BodyShift> {
  const [before, after] = [await openModelFolder(base), await openModelFolder(now)];
  try {
    const backbone = defineBackbone(before.config);
    const parameters = parametersOf(backbone.stages);
    const weights = new Map<string, WeightArray>(
      parameters.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape))]),
    );
    await readBody(after, backbone, weights);
    const sources = new Map(
      bodyOf(before, backbone).map(({ name, found: { entry, start } }) => [name, { name: entry.name, start }]),
    );
    const change = await measureChange({
      checkpoint: before,
      pretrained: { model: { parameters }, weights, sources },
      lora: undefined,
      seed: 0,
    });
    const all = [...weights.values()].reduce((sum, { length }) => sum + length, 0);
    const shiftOf = (name: string) => change.shifts.get(name) ?? 0;
    return {
      mean: change.meanShift,
      overall: Math.sqrt(parameters.reduce((sum, { name }) => sum + shiftOf(name) ** 2, 0)),
      changedShare: change.changed / all,
      layers: backbone.stages
        .filter((stage) => Object.keys(stage.parameters).length > 0)
        .map(({ name, parameters: local }) => {
          const tensors = Object.fromEntries(
            Object.entries(local).map(([place, parameter]) => [place, shiftOf(parameter.name)]),
          );
          const shifts = Object.values(tensors);
          return { layer: name, mean: shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length, tensors };
        }),
    };
  } finally {
    await after.close();
    await before.close();
  }
}
