/** A run as a checkpoint has it: `OUTPUT/checkpoints/step-N`, a model's folder with what going on from it takes. */
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { OptimizerState } from "@nanoadam/optim";
import { z } from "zod";
import type { Pretrained } from "../checkpoint/pretrained.js";
import { readStates } from "../checkpoint/state-file.js";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { finishCommit } from "../files/recover.js";
import { StepFolders, stepOf } from "../files/step-folders.js";
import type { Evaluation } from "../train/evaluation.js";
import { readHeldWeights } from "./save-model.js";

/** The files of a checkpoint beside those of the model. */
export const runFiles = {
  state: "training-state.json",
  optimizer: "optimizer.safetensors",
  metrics: "metrics.jsonl",
  /** Of a run with `analyze`. */
  analysis: "analysis.json",
} as const;

/** JSON has no NaN. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const count = z.number().int().min(0);

const stateSchema = z.object({
  format: z.literal(1),
  /** Of the run: the same in all its checkpoints, and when it was begun. */
  run: z.string(),
  begun: z.string(),
  step: count,
  totalSteps: count,
  /** The options as they were given, but for rows, and where their paths begin. */
  options: z.record(z.string(), z.unknown()),
  workingDirectory: z.string(),
  inputs: z.array(z.object({ what: z.string(), size: count, sha256: z.string() })),
  /** What the last bits of numbers depend on. */
  threads: count,
  engine: z.string(),
  /** The highest of the schedule, and where it was `auto` what was tried. */
  learningRate: z.number(),
  trials: z
    .array(z.object({ learningRate: z.number(), loss: figure }))
    .readonly()
    .optional(),
  /** The evaluation before the first step. */
  before: z.record(z.string(), figure),
  /** What the base model knew, of a run that measures how much of it is kept. */
  retained: z.record(z.string(), figure).optional(),
  soFar: z.object({
    best: z.object({ step: count, metric: z.string(), value: z.number() }).optional(),
    since: count,
  }),
  stepMilliseconds: z.array(z.number()),
  seconds: z.number(),
});

/** All that a run is at a step, beside weights and the optimizer's state; what is random follows from the seed and the step. */
export type RunState = Omit<z.output<typeof stateSchema>, "retained"> & {
  readonly before: Evaluation;
  readonly retained?: Evaluation;
};

/** A checkpoint that a run goes on from. */
export interface SavedRun {
  /** The run's output folder. */
  readonly output: string;
  readonly folder: string;
  readonly state: RunState;
  /** The lines of metrics.jsonl up to the step. */
  readonly metrics: string;
  /** What `analyze` has seen up to the step, of a run that has it. */
  readonly analysis: string;
  /** Gives the weights the values that they had. */
  readWeights(pretrained: Pretrained): Promise<void>;
  readOptimizer(): Promise<OptimizerState>;
}

/**
 * The last checkpoint of a run.
 * @param folder the run's output folder, or one of its checkpoints
 * @throws InputError where there is none, or it is damaged.
 */
export async function openSavedRun(folder: string): Promise<SavedRun> {
  const chosen = stepOf(resolve(folder));
  const output = chosen?.output ?? folder;
  // A run may have been killed just as it put its result here.
  await finishCommit(output);
  if (chosen !== undefined) return readSavedRun(output, folder);
  const latest = await latestOf(output);
  if (latest !== undefined) return latest;
  throw new InputError(
    `${folder} has no checkpoints to go on from (${new StepFolders(folder).parent}); \`saveEvery\` saves some`,
  );
}

/** The last checkpoint of the run that was begun last; those of others were about to go. */
async function latestOf(output: string): Promise<SavedRun | undefined> {
  const folders = new StepFolders(output);
  let latest: SavedRun | undefined;
  for (const step of await folders.steps()) {
    const saved = await readSavedRun(output, folders.path(step));
    if (latest === undefined || saved.state.begun >= latest.state.begun) latest = saved;
  }
  return latest;
}

async function readSavedRun(output: string, folder: string): Promise<SavedRun> {
  const state = await readRunState(folder);
  return {
    output,
    folder,
    state,
    metrics: join(folder, runFiles.metrics),
    analysis: join(folder, runFiles.analysis),
    readWeights: (pretrained) => readHeldWeights(folder, pretrained),
    readOptimizer: async () => ({
      completedSteps: state.step,
      tensors: await readStates(join(folder, runFiles.optimizer)),
    }),
  };
}

/** @throws InputError where the folder has no state, or one that is damaged. */
export async function readRunState(folder: string): Promise<RunState> {
  const path = join(folder, runFiles.state);
  const content = await readJsonObject(path);
  if (content === undefined)
    throw new InputError(`${folder} has no ${runFiles.state}, so it is no checkpoint of a run`);
  const { data, error } = stateSchema.safeParse(content);
  const { before } = data ?? {};
  if (data === undefined || before?.loss === undefined) {
    const place = error?.issues[0]?.path.join(".") ?? "before.loss";
    throw new InputError(`${path}: ${place} is not as this version of nanoadam writes it`);
  }
  const { retained, ...others } = data;
  return {
    ...others,
    before: { ...before, loss: before.loss },
    ...(retained === undefined ? {} : { retained: { ...retained, loss: retained.loss ?? Number.NaN } }),
  };
}

/** What a run that goes on knows of what its base model knew. */
export function retainedBefore({ retained }: RunState): { readonly retained?: Evaluation } {
  return retained === undefined ? {} : { retained };
}

/** The options of a saved run, paths as they are found from the working directory of now. */
export async function optionsOf({ state, output }: SavedRun): Promise<Record<string, unknown>> {
  const found = { ...state.options, output };
  if (state.workingDirectory === process.cwd()) return found;
  const located = ["model", "train", "eval", "retain"].map(async (option) => {
    const given = state.options[option];
    if (typeof given !== "string") return [option, given] as const;
    const path = resolve(state.workingDirectory, given);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    return [option, isThere ? path : given] as const;
  });
  const paths = (await Promise.all(located)).filter(([, path]) => path !== undefined);
  return { ...found, ...Object.fromEntries(paths) };
}
