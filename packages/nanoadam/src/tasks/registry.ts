/** The tasks by name, from the most general on: a configuration is of the last task that it matches. */
import type { DataSource } from "../data/source.js";
import { InputError } from "../errors.js";
import { defineBackbone } from "../models/architectures.js";
import { causalLm } from "./causal-lm.js";
import { classification } from "./classification.js";
import { imageClassification } from "./image-classification.js";
import { maskedLm } from "./masked-lm.js";
import type { ImageFiles, ModelFiles, TextFiles } from "./model-files.js";
import { multiLabel } from "./multi-label.js";
import { regression } from "./regression.js";
import type { ImageTaskContext, Task, TaskKind, TaskSettings } from "./task.js";
import { tokenClassification } from "./token-classification.js";

const kinds = [
  classification,
  regression,
  multiLabel,
  tokenClassification,
  maskedLm,
  causalLm,
  imageClassification,
] as const;

type Kind = (typeof kinds)[number];
export type TaskName = Kind["name"];
export const taskNames: readonly TaskName[] = kinds.map(({ name }) => name);
export const defaultTask: TaskName = classification.name;

type OutcomeOf<SomeKind> = SomeKind extends { fromConfig(...parameters: never[]): Task<infer _Example, infer Outcome> }
  ? Outcome
  : never;
/** What a prediction says of an example. */
export type Outcome = OutcomeOf<Kind>;
/** The same by task, of those that have something to say of whole texts. */
export type OutcomesByTask = {
  [SomeKind in Kind as [OutcomeOf<SomeKind>] extends [never] ? never : SomeKind["name"]]: OutcomeOf<SomeKind>;
};
export type PredictingTask = keyof OutcomesByTask;

/** @throws InputError for a name that no task has. */
export function taskKind(name: string): TaskKind {
  const kind = kinds.find((candidate) => candidate.name === name);
  if (kind === undefined) throw new InputError(`there is no task "${name}", expected one of ${taskNames.join(", ")}`);
  return kind;
}

/**
 * The kind of task that a name asks for of a model: what classifies is the same word for texts and images.
 * @throws InputError where the model takes in nothing of the kind
 */
export function taskKindFor(name: string, files: ModelFiles): TaskKind {
  const kind = files.kind === "image" && name === defaultTask ? imageClassification : taskKind(name);
  if (kind.takes === "images") requireImages(kind, files);
  else requireText(kind, files);
  return kind;
}

/**
 * The task that training data make, for what the model takes in.
 * @throws InputError where the model takes in nothing of the kind
 */
export async function taskOfData(
  kind: TaskKind,
  source: DataSource,
  files: ModelFiles,
  { augment, ...settings }: TaskSettings & Pick<ImageTaskContext, "augment">,
): Promise<Task> {
  if (kind.takes === "images") {
    const { images } = requireImages(kind, files);
    return kind.fromData(source, { images, ...settings, ...(augment === undefined ? {} : { augment }) });
  }
  return kind.fromData(source, { text: requireText(kind, files).text, ...settings });
}

/**
 * The task of a saved model.
 * @param file what messages call its configuration
 * @throws InputError where the model takes in nothing of the kind
 */
export function taskOfConfig(
  config: Readonly<Record<string, unknown>>,
  file: string,
  files: ModelFiles,
  settings: Pick<TaskSettings, "lossOn"> = {},
): Task<unknown, Outcome> {
  const found = kinds.toReversed().find(({ matches }) => matches(config)) ?? classification;
  const kind = taskKindFor(found.name, files);
  const task =
    kind.takes === "images"
      ? kind.fromConfig(config, file, { images: requireImages(kind, files).images })
      : kind.fromConfig(config, file, { text: requireText(kind, files).text, ...settings });
  return task as Task<unknown, Outcome>;
}

/**
 * The task that a checkpoint's own head is for, by the name that is asked for; else by its configuration, and of a backbone alone the
 * one that it was pretrained on.
 * @param file what messages call its configuration
 * @throws InputError where the model takes in nothing of the kind
 */
export function taskOfOwnHead(
  name: TaskName | undefined,
  config: Readonly<Record<string, unknown>>,
  file: string,
  files: ModelFiles,
): Task {
  const kind = taskKindFor(name ?? ownKind(config, files).name, files);
  if (kind.takes === "images") return kind.fromConfig(config, file, { images: requireImages(kind, files).images });
  return kind.fromConfig(config, file, { text: requireText(kind, files).text });
}

function ownKind(config: Readonly<Record<string, unknown>>, files: ModelFiles): TaskKind {
  if (files.kind === "image") return imageClassification;
  const { architectures } = config;
  const isForLabels =
    Array.isArray(architectures) && /For(Sequence|Token)Classification$/.test(String(architectures[0]));
  if (isForLabels) return kinds.toReversed().find(({ matches }) => matches(config)) ?? classification;
  return defineBackbone(config).predicts === "next" ? causalLm : maskedLm;
}

function requireImages({ name }: TaskKind, files: ModelFiles): ImageFiles {
  if (files.kind === "image") return files;
  throw new InputError(`\`task\` is ${name}, but the model takes in texts`);
}

function requireText({ name }: TaskKind, files: ModelFiles): TextFiles {
  if (files.kind === "text") return files;
  throw new InputError(`\`task\` is ${name}, but the model takes in images, for which there is image-classification`);
}
