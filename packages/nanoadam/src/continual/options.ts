/** The options of a sequence of tasks: those of `finetune`, for all or for one, and which tasks there are. */
import { basename, dirname, extname, resolve } from "node:path";
import { z } from "zod";
import { InputError } from "../errors.js";
import {
  type FinetuneInput,
  type FinetuneOptions,
  finetuneSchema,
  parseFinetuneOptions,
} from "../options/finetune-options.js";
import { overrideOptions } from "../options/option-files.js";
import { flag, path } from "../options/option-types.js";
import { parseOptions } from "../options/parse-options.js";

/**
 * What belongs to a run of its own: its data, where it starts, what it writes; adapters, over which there is no other; and what is kept
 * of the base model, whose head the later tasks do not have: that is a task of its own, with 0 epochs.
 */
const ofOneRun = {
  train: true,
  eval: true,
  output: true,
  overwrite: true,
  report: true,
  tensorboard: true,
  fromScratch: true,
  retain: true,
  retainTask: true,
  limitRetain: true,
  loraRank: true,
  loraAlpha: true,
  loraDropout: true,
  loraTargets: true,
  useRslora: true,
  useDora: true,
} as const;

const sharedSchema = z.object(finetuneSchema.shape).omit(ofOneRun);

/** What tasks have in common though each could say it. */
const ofAll = ["model", "weights", "threads", "engine", "seed", "saveDtype"] as const;

/** Options that all tasks share, and each may have otherwise. */
type SharedInput = Omit<FinetuneInput, keyof typeof ofOneRun>;

/** One task: its data, and what is otherwise than in the others. */
export interface ContinualTaskInput extends Partial<Omit<SharedInput, (typeof ofAll)[number]>> {
  /** What the task is called; by default after its data. */
  readonly name?: string | undefined;
  /** The file or folder that is learned. */
  readonly train: string;
  /** The file or folder that it is measured on; by default a part of `train` is held out. */
  readonly eval?: string | undefined;
  /** As in `finetune`; 0 where the model knows the task already, with the head that it came with, and is only to be measured. */
  readonly epochs?: number | undefined;
}

/** Tasks that a model learns one after another. */
export interface ContinualInput extends SharedInput {
  /** At least two, in their order. Those with 0 epochs come first. */
  readonly tasks: readonly ContinualTaskInput[];
  /**
   * Measure all earlier tasks after each, and at every checkpoint of its training (`saveEvery`; by default those of `evalEvery`, by
   * default each epoch). By default they are measured once, after the last task.
   */
  readonly return?: boolean | undefined;
  /** The folder to keep the models of all tasks and what was measured in. */
  readonly output: string;
  /** Start anew in a folder that has a sequence of tasks. By default false. */
  readonly overwrite?: boolean | undefined;
}

export const continualSchema = z
  .object({
    tasks: z
      .array(z.looseObject({ train: path, name: z.string().min(1).optional(), eval: path.optional() }))
      .min(2)
      .max(1000)
      .meta(flag("data of each task, in the order in which they are learned", "FILE,FILE,...")),
    return: z
      .boolean()
      .default(false)
      .meta(flag("measure all earlier tasks after each task and while it is learned (default: after the last)")),
    output: path.meta(flag("folder to keep the models of all tasks and what was measured in", "DIR")),
    overwrite: z.boolean().default(false).meta(flag("start anew in a folder that has a sequence of tasks")),
    ...sharedSchema.shape,
    saveEvery: sharedSchema.shape.saveEvery.meta(
      flag("steps between checkpoints, or epoch (default: none, and with `return` as `evalEvery`)", "N"),
    ),
  })
  .strict();

/** A task as it is learned and measured. */
export interface SettledTask {
  readonly name: string;
  /** The name of its folder: "2-flowers". */
  readonly folder: string;
  /** Whether the model knows it already: it is measured, and not learned. */
  readonly isKnown: boolean;
  /** The options of its run, but for the model and the output. */
  readonly input: Omit<FinetuneInput, "model" | "output">;
  readonly options: FinetuneOptions;
}

export interface ContinualOptions {
  readonly model: string;
  readonly output: string;
  readonly overwrite: boolean;
  readonly return: boolean;
  readonly tasks: readonly SettledTask[];
}

/**
 * Checks the options of a sequence of tasks.
 * @throws InputError naming the task and the first option that does not fit
 */
export function parseContinualOptions(input: ContinualInput): ContinualOptions {
  const { model, output, overwrite, return: returns } = parseOptions(continualSchema, input);
  const { tasks: given, return: _, ...shared } = input;
  const names = distinct(given.map(({ name, train }) => name ?? nameOfData(train)));
  const tasks = given.map((task, place) => {
    const name = names[place] ?? "";
    try {
      return settledTask(task, { name, folder: `${place + 1}-${fileNameOf(name)}`, shared });
    } catch (error) {
      throw error instanceof InputError ? new InputError(`task "${name}": ${error.message}`) : error;
    }
  });
  const firstLearned = tasks.findIndex(({ isKnown }) => !isKnown);
  const late = tasks.find(({ isKnown }, place) => isKnown && place > firstLearned);
  if (firstLearned === -1) throw new InputError("all `tasks` have 0 `epochs`, expected at least one that is learned");
  if (late !== undefined) {
    throw new InputError(
      `task "${late.name}": \`epochs\` is 0, which is for what the model knows at first: it has to come before all that is learned`,
    );
  }
  return { model, output, overwrite, return: returns, tasks };
}

function settledTask(
  { name: _, ...task }: ContinualTaskInput,
  {
    name,
    folder,
    shared,
  }: { readonly name: string; readonly folder: string; readonly shared: Omit<ContinualInput, "tasks" | "return"> },
): SettledTask {
  for (const option of [...ofAll, "output", "overwrite"]) {
    if (Object.hasOwn(task, option))
      throw new InputError(`\`${option}\` is the same for all tasks; give it beside \`tasks\``);
  }
  const isKnown = task.epochs === 0;
  const { epochs: _epochs, ...rest } = task;
  // What is only measured is measured on all of its data.
  const own = (isKnown ? { ...rest, eval: task.eval ?? task.train } : task) as Partial<FinetuneInput>;
  for (const option of Object.keys(ofOneRun)) {
    if (option !== "train" && option !== "eval" && Object.hasOwn(task, option)) {
      throw new InputError(`there is no option \`${option}\` of a task`);
    }
  }
  const { output: _output, overwrite: _overwrite, model, ...common } = shared;
  const input = overrideOptions(common, own) as Omit<FinetuneInput, "model">;
  return { name, folder, isKnown, input, options: parseFinetuneOptions({ ...input, model, output: folder }) };
}

/** "sst2" of glue/sst2/train.tsv, "reviews" of reviews.csv.gz, "flowers" of a folder of that name. */
function nameOfData(data: string): string {
  const path = resolve(data);
  const name = basename(path.replace(/\.gz$/, ""), extname(path.replace(/\.gz$/, "")));
  // A name that many data sets have says less than that of their folder.
  const says = /^(train|training|test|eval|dev|validation|data)([-_\d].*)?$/i.test(name)
    ? basename(dirname(path))
    : name;
  return says === "" ? "task" : says;
}

/** Names as they are, but those that come again with their number. */
function distinct(names: readonly string[]): string[] {
  const found: string[] = [];
  for (const name of names) {
    let [own, number] = [name, 1];
    while (found.includes(own)) own = `${name}-${++number}`;
    found.push(own);
  }
  return found;
}

function fileNameOf(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 60);
}

/** What flags say by task, with commas: one value for all that are learned, or one for each. */
const byTask = ["eval", "name", "task", "epochs", "steps", "learningRate"] as const;

/** The options as a command line has them: what differs by task in lists with commas. */
export const continualFlagsSchema = z.object({
  ...continualSchema.shape,
  tasks: continualSchema.shape.tasks.optional().meta(continualSchema.shape.tasks.meta() ?? {}),
  names: z.string().optional().meta(flag("what the tasks are called (default: after their data)", "NAME,NAME,...")),
  eval: z
    .string()
    .optional()
    .meta(flag("what each is measured on (default: a part of its data is held out)", "FILE,FILE,...")),
  task: sharedSchema.shape.task.meta(
    flag("what is learned, of the tasks below; for all, or for each with commas", "NAME,..."),
  ),
  epochs: z
    .string()
    .optional()
    .meta(
      flag(
        "passes over the training data, for all or for each with commas; 0 of what the model knows already and is only measured (default: 3, and up to 30 of small data)",
        "N,...",
      ),
    ),
  steps: z.string().optional().meta(flag("optimizer steps, instead of `epochs`; for all, or for each", "N,...")),
  learningRate: z
    .string()
    .optional()
    .meta(flag("highest learning rate, for all or for each with commas (default: as in finetune)", "X,...")),
});

/**
 * The tasks that flags give, over those of a file: `--tasks a,b --epochs 5,3` is a list of two, of 5 and 3 epochs.
 * @throws InputError where there are more or fewer values than tasks
 */
export function tasksOfFlags(
  flags: Readonly<Record<string, unknown>>,
  fromFile: readonly Partial<ContinualTaskInput>[] = [],
): Partial<ContinualTaskInput>[] {
  const data = listOf(flags.tasks);
  const tasks: Partial<ContinualTaskInput>[] = data.length === 0 ? [...fromFile] : data.map((train) => ({ train }));
  for (const option of byTask) {
    const name = option === "name" ? "names" : option;
    const values = listOf(flags[name]);
    if (values.length === 0) continue;
    const isOfEach = option === "eval" || option === "name";
    if (values.length !== tasks.length && (isOfEach || values.length !== 1)) {
      throw new InputError(
        `\`${name}\` has ${values.length} values for ${tasks.length} \`tasks\`, expected one for each${isOfEach ? "" : ", or one for all"}`,
      );
    }
    for (const [place, task] of tasks.entries()) {
      const value = values.length === 1 ? values[0] : values[place];
      if (value !== undefined && value !== "") tasks[place] = overridden(task, option, numberIn(value));
    }
  }
  return tasks;
}

/** A flag's value, told apart at commas. */
function listOf(value: unknown): string[] {
  return value === undefined
    ? []
    : String(value)
        .split(",")
        .map((each) => each.trim());
}

function numberIn(value: string): string | number {
  return Number.isFinite(Number(value)) ? Number(value) : value;
}

/** Steps take the place of a file's epochs, and the other way round. */
function overridden(task: Partial<ContinualTaskInput>, option: (typeof byTask)[number], value: unknown) {
  const { epochs, steps, ...others } = task;
  const kept = option === "epochs" || option === "steps" ? others : task;
  return { ...kept, [option]: value } as Partial<ContinualTaskInput>;
}
