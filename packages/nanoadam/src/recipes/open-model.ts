import { Arena } from "@nanoadam/engine";
import { openModelFolder } from "../checkpoint/adapter.js";
import { loadPretrained, type Pretrained } from "../checkpoint/pretrained.js";
import { encoderForModel, type TextEncoder } from "../data/text/encoder.js";
import type { LossOn } from "../data/text/learned-text.js";
import { loadTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import { defineBackbone } from "../models/architectures.js";
import { ProgramCache } from "../program/program-cache.js";
import { type Outcome, taskOfConfig } from "../tasks/registry.js";
import type { Task } from "../tasks/task.js";
import type { NoticeListener } from "../train/observer.js";
import { readGenerationDefaults } from "./generation-config.js";
import { openRuntime } from "./open-runtime.js";

export interface OpenModelOptions {
  /** Tokens of a text at most; by default what model and tokenizer allow: after a fine-tuning, as many as in it. */
  readonly maxLength?: number | undefined;
  /** Processor threads; by default one for each physical core. */
  readonly threads?: number | undefined;
  /** Which tokens a decoder's texts are measured by. */
  readonly lossOn?: LossOn | undefined;
  /** The engine; by default `native`, and `wasm` where that cannot be loaded. */
  readonly engine?: "native" | "wasm" | undefined;
}

/** A fine-tuned checkpoint, ready to run. Calls that overlap queue: each gets its own results. */
export interface OpenModel {
  readonly folder: string;
  readonly pretrained: Pretrained;
  readonly text: TextEncoder;
  readonly task: Task<unknown, Outcome>;
  /** For data with labels: with the task's loss. */
  readonly evaluationPrograms: ProgramCache;
  /** For data without. */
  readonly predictionPrograms: ProgramCache;
  /** Tokens that end what a decoder writes: those that its files name, and that which a fine-tuning teaches; none of an encoder. */
  readonly endIds: ReadonlySet<number>;
  /** Frees what the engine holds, after the batch under way; calls that have more to do fail. */
  release(): Promise<void>;
}

/** @throws InputError where a head is missing, or is of another size than the configuration says. */
export function requireHead(folder: string, task: string, pretrained: Pretrained): void {
  const { initialised, misfits, model } = pretrained;
  for (const { entry, expected } of misfits) {
    const [rows, outputs] = [entry.shape[0], expected[0]];
    const isLabels = model.head.kind === "outputs" && outputs === model.head.outputs && rows !== outputs;
    throw new InputError(
      isLabels
        ? `${folder}: ${entry.name} has ${rows} rows, but config.json names ${outputs} labels (id2label)`
        : `${folder}: ${entry.name} has shape [${entry.shape.join(", ")}], expected [${expected.join(", ")}] by config.json`,
    );
  }
  if (initialised.length > 0) {
    throw new InputError(
      `${folder} has no ${task} head (${initialised.join(", ")} missing); run nanoadam finetune first`,
    );
  }
}

/**
 * Opens a fine-tuned checkpoint folder.
 * @throws InputError when it is not whole, or has no head: then it must be fine-tuned first.
 */
export async function openModel(
  folder: string,
  options: OpenModelOptions = {},
  listener: NoticeListener = {},
): Promise<OpenModel> {
  const checkpoint = await openModelFolder(folder, undefined, listener.onNotice);
  try {
    const tokenizer = await loadTokenizer(checkpoint.tokenizerFolder);
    const { input, predicts } = defineBackbone(checkpoint.config);
    const text = encoderForModel(tokenizer, input, { asked: options.maxLength, folder });
    const task = taskOfConfig(checkpoint.config, `${checkpoint.folder}/config.json`, { text, lossOn: options.lossOn });
    const pretrained = await loadPretrained(checkpoint, task.head, 0);
    requireHead(folder, task.name, pretrained);
    const ends = predicts === "next" ? (await readGenerationDefaults(checkpoint, tokenizer)).endIds : [];
    const taught = predicts === "next" && tokenizer.endId !== undefined ? [tokenizer.endId] : [];
    const shared = {
      model: pretrained.model,
      weights: pretrained.weights,
      runtime: await openRuntime(options, listener),
      arena: new Arena(),
    };
    const evaluationPrograms = new ProgramCache({ ...shared, loss: task.loss });
    const predictionPrograms = new ProgramCache(shared);
    return {
      folder,
      pretrained,
      text,
      task,
      evaluationPrograms,
      predictionPrograms,
      endIds: new Set([...ends, ...taught]),
      async release() {
        await evaluationPrograms.release();
        await predictionPrograms.release();
      },
    };
  } finally {
    await checkpoint.close();
  }
}
