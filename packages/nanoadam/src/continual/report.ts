/** What a sequence of tasks amounts to: the matrix of what each is worth after each, what was forgotten, and the curves. */
import { isBetterLower } from "../tasks/metrics.js";
import { taskKind } from "../tasks/registry.js";
import type { Evaluation } from "../train/evaluation.js";
import type { EvaluationRecord } from "../train/observer.js";
import type { BodyShift } from "./measure.js";
import type { ContinualState } from "./state.js";

/** The content of continual.json. */
export interface ContinualReport {
  /** The options, as they were given. */
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly progress: { readonly done: number; readonly planned: number };
  readonly tasks: readonly TaskReport[];
  /** A row for each point of the sequence: before anything is learned, where tasks are known, and after each task. */
  readonly rows: readonly MatrixRow[];
  /** The mean of what tasks are worth in the end, of those whose figure is better the higher; absent until the end. */
  readonly average?: number | undefined;
  /** The mean of what was lost of the earlier ones of these. */
  readonly forgetting?: number | undefined;
  /** How far the body is from where it began, after each task. */
  readonly shifts: readonly ({ readonly after: string } & BodyShift)[];
  /** What each task was worth over all steps of the sequence. */
  readonly curves: readonly TaskCurve[];
}

export interface TaskReport {
  readonly name: string;
  /** Its kind: `classification`. Absent until it was measured. */
  readonly task?: string | undefined;
  /** The figure that stands for it, the task's usual one, and which way it is better. */
  readonly metric?: string | undefined;
  readonly better?: "higher" | "lower" | undefined;
  /** The model knew it at first. */
  readonly isKnown: boolean;
  /** Of its training; absent where there was none yet. */
  readonly training?: TaskTraining | undefined;
  /** Its figure just after it was learned, at the end, and how much worse that is. */
  readonly learned?: number | undefined;
  readonly last?: number | undefined;
  readonly lost?: number | undefined;
}

export interface TaskTraining {
  readonly optimizer: string;
  readonly learningRate: number;
  readonly steps: number;
  readonly examples: number;
  /** The share of all weights, those of the head included, that the task changed. */
  readonly changedShare: number;
  readonly optimizerStateBytes: number;
  readonly seconds: number;
}

export interface MatrixRow {
  /** The task that was learned last; null before any. */
  readonly after: string | null;
  /** By task, in their order; null where it was not measured. */
  readonly evaluations: readonly (Evaluation | null)[];
  /** The figure of each. */
  readonly figures: readonly (number | null)[];
}

export interface TaskCurve {
  readonly task: string;
  /** After so many steps of the sequence. */
  readonly points: readonly { readonly step: number; readonly during: string | null; readonly value: number }[];
}

/** A task as far as it is learned. */
export interface KnownOfTask {
  readonly name: string;
  readonly isKnown: boolean;
  /** Of its own run, once that is done. */
  readonly run?:
    | {
        readonly task: string;
        readonly training: TaskTraining;
        readonly final: Evaluation;
        readonly evaluations: readonly EvaluationRecord[];
      }
    | undefined;
}

export function reportOf(
  configuration: Readonly<Record<string, unknown>>,
  tasks: readonly KnownOfTask[],
  { measurements, shifts }: ContinualState,
): ContinualReport {
  const kindOf = ({ name, run }: KnownOfTask) => run?.task ?? measurements.find(({ of }) => of === name)?.task;
  const metricOf = (task: KnownOfTask) => {
    const kind = kindOf(task);
    return kind === undefined ? undefined : taskKind(kind).metrics[0];
  };
  const figureOf = (task: KnownOfTask, evaluation: Evaluation | null | undefined) => {
    const metric = metricOf(task);
    if (evaluation === undefined || evaluation === null || metric === undefined) return null;
    return (evaluation as Readonly<Record<string, number>>)[metric] ?? null;
  };
  const measured = (of: string, during: string | null) =>
    measurements.findLast((each) => each.of === of && each.during === during && each.step === null)?.evaluation;

  const learned = tasks.filter(({ isKnown }) => !isKnown);
  const done = learned.filter(({ run }) => run !== undefined);
  const points = [...(learned.length < tasks.length ? [null] : []), ...done.map(({ name }) => name)];
  const rows = points.map((after): MatrixRow => {
    const evaluations = tasks.map((task) =>
      task.name === after ? (task.run?.final ?? null) : (measured(task.name, after) ?? null),
    );
    return { after, evaluations, figures: tasks.map((task, place) => figureOf(task, evaluations[place])) };
  });

  const last = done.length === learned.length ? rows.at(-1) : undefined;
  const reports = tasks.map((task, place): TaskReport => {
    const metric = metricOf(task);
    const lower = metric !== undefined && isBetterLower(metric);
    const first = rows.find(({ after }) => after === (task.isKnown ? null : task.name))?.figures[place] ?? undefined;
    const end = last?.figures[place] ?? undefined;
    return {
      name: task.name,
      task: kindOf(task),
      metric,
      ...(metric === undefined ? {} : { better: lower ? "lower" : "higher" }),
      isKnown: task.isKnown,
      training: task.run?.training,
      learned: first,
      last: end,
      ...(first === undefined || end === undefined || task === tasks.at(-1)
        ? {}
        : { lost: lower ? end - first : first - end }),
    };
  });
  const comparable = reports.filter(({ better }) => better === "higher");
  return {
    configuration,
    progress: { done: done.length, planned: learned.length },
    tasks: reports,
    rows,
    ...(last === undefined ? {} : { average: meanOf(comparable.map(({ last: value }) => value)) }),
    ...(last === undefined ? {} : { forgetting: meanOf(comparable.map(({ lost }) => lost)) }),
    shifts: done.flatMap(({ name }) => (shifts[name] === undefined ? [] : [{ after: name, ...shifts[name] }])),
    curves: curvesOf(tasks, done, measurements, figureOf),
  };
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const given = values.filter((value) => value !== undefined);
  return given.length === 0 ? undefined : given.reduce((sum, value) => sum + value, 0) / given.length;
}

function curvesOf(
  tasks: readonly KnownOfTask[],
  done: readonly KnownOfTask[],
  measurements: ContinualState["measurements"],
  figureOf: (task: KnownOfTask, evaluation: Evaluation) => number | null,
): TaskCurve[] {
  const lengths = new Map(done.map(({ name, run }) => [name, run?.training.steps ?? 0]));
  const offsetOf = (during: string | null) => {
    const before = during === null ? [] : [...lengths.keys()].slice(0, [...lengths.keys()].indexOf(during));
    return before.reduce((sum, name) => sum + (lengths.get(name) ?? 0), 0);
  };
  return tasks.map((task) => {
    const own = (task.run?.evaluations ?? []).map(({ step, eval: evaluation }) => ({
      step: offsetOf(task.name) + step,
      during: task.name as string | null,
      value: figureOf(task, evaluation),
    }));
    const others = measurements
      .filter(({ of, during }) => of === task.name && (during === null || lengths.has(during)))
      .map(({ during, step, evaluation }) => ({
        step: offsetOf(during) + (step ?? lengths.get(during ?? "") ?? 0),
        during,
        value: figureOf(task, evaluation),
      }));
    const points = [...own, ...others].flatMap(({ value, ...at }) => (value === null ? [] : [{ ...at, value }]));
    return { task: task.name, points: points.sort((a, b) => a.step - b.step) };
  });
}
