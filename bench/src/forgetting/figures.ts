/** What the runs of a study come to: means over seeds, and each optimizer's best rate. */
import type { RunResult } from "./runs.js";
import { type Cell, type Contestant, cellsOf, type Study, seeds } from "./studies.js";

/** A mean, and the sample deviation where there is more than one value. */
export interface Mean {
  readonly mean: number;
  readonly deviation: number | undefined;
}

/** An optimizer at a rate. */
export interface Setting {
  readonly contestant: Contestant;
  readonly learningRate: number;
  /** Runs that ended, and of those the ones that diverged. */
  readonly runs: number;
  readonly diverged: number;
  /** Absent where none has a result. */
  readonly figures: Figures | undefined;
}

export interface Figures {
  /** Of the first task: just after it was learned, in the end, and what was lost. */
  readonly learned: Mean;
  readonly last: Mean;
  readonly lost: Mean;
  /** Of the second. */
  readonly second: Mean;
  /** Of both in the end. */
  readonly average: Mean;
  /** The loss of what is measured by one: at first, after the first task, and after the second. */
  readonly losses: readonly Mean[];
  readonly meanShift: Mean;
  readonly changedShare: Mean;
  readonly stateBytes: Mean;
}

function meanOf(values: readonly number[]): Mean {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : undefined };
}

/** All settings of a study, those without a run left out. */
export function settingsOf(study: Study, results: readonly RunResult[]): Setting[] {
  return study.contestants.flatMap((contestant) => {
    const own = results.filter(({ optimizer }) => optimizer === contestant.name);
    const rates = [...new Set(own.map(({ learningRate }) => learningRate))].sort((a, b) => a - b);
    return rates.map((learningRate): Setting => {
      const runs = own.filter((run) => run.learningRate === learningRate);
      const reports = runs.flatMap(({ report }) => (report === undefined ? [] : [figuresOf(study, report)]));
      return {
        ...{ contestant, learningRate, runs: runs.length, diverged: runs.length - reports.length },
        figures: reports.length === 0 ? undefined : meansOf(reports),
      };
    });
  });
}

/** Each optimizer at its best rate, by what the first seed learned of the second task; a rate at which a run diverged is none. */
export function bestSettings(study: Study, results: readonly RunResult[]): Setting[] {
  const settings = settingsOf(study, results).filter(({ diverged }) => diverged === 0);
  const ofFirstSeed = settingsOf(
    study,
    results.filter(({ seed }) => seed === seeds[0]),
  );
  const learned = (setting: Setting) =>
    ofFirstSeed.find((each) => isSame(each, setting))?.figures?.second.mean ?? Number.NEGATIVE_INFINITY;
  return study.contestants.flatMap((contestant) => {
    const own = settings.filter((each) => each.contestant === contestant);
    const [best] = own.toSorted((a, b) => learned(b) - learned(a));
    return best?.figures === undefined ? [] : [best];
  });
}

type Place = Pick<Setting, "contestant" | "learningRate">;

const isSame = (a: Place, b: Place) => a.contestant === b.contestant && a.learningRate === b.learningRate;

/** What a study still lacks: runs with the first seed, and, of optimizers that have these, with the others at the best rate. */
export function missingCells(study: Study, results: readonly RunResult[]): Cell[] {
  const isThere = ({ contestant, learningRate, seed }: Cell) =>
    results.some((run) => run.optimizer === contestant.name && run.learningRate === learningRate && run.seed === seed);
  const missing = cellsOf(study).filter((cell) => !isThere(cell));
  const first = missing.filter(({ seed }) => seed === seeds[0]);
  const best = bestSettings(study, results).filter(
    ({ contestant }) => !first.some((cell) => cell.contestant === contestant),
  );
  return [
    ...first,
    ...missing.filter((cell) => cell.seed !== seeds[0] && best.some((setting) => isSame(setting, cell))),
  ];
}

/** How many runs a study has that lacks nothing. */
export function plannedRuns({ contestants }: Study): number {
  const rates = contestants.reduce((sum, { learningRates }) => sum + learningRates.length, 0);
  return rates + contestants.length * (seeds.length - 1);
}

type Plain = { readonly [Name in keyof Figures]: Name extends "losses" ? readonly number[] : number };

function figuresOf({ first, second }: Study, { tasks, rows, shifts }: NonNullable<RunResult["report"]>): Plain {
  const placeOf = (name: string) => tasks.findIndex((task) => task.name === name);
  const firstTask = tasks[placeOf(first)];
  const end = rows.at(-1)?.evaluations ?? [];
  const secondFigure = (end[placeOf(second.task)] as Readonly<Record<string, number>> | undefined)?.[second.metric];
  const byLoss = tasks.findIndex(({ better }) => better === "lower");
  const { learned = Number.NaN, last = Number.NaN, lost = Number.NaN } = firstTask ?? {};
  return {
    ...{ learned, last, lost },
    second: secondFigure ?? Number.NaN,
    average: (last + (secondFigure ?? Number.NaN)) / 2,
    losses: byLoss === -1 ? [] : rows.map(({ figures }) => figures[byLoss] ?? Number.NaN),
    meanShift: shifts.at(-1)?.mean ?? Number.NaN,
    changedShare: shifts.at(-1)?.changedShare ?? Number.NaN,
    stateBytes: tasks.findLast(({ training }) => training !== undefined)?.training?.optimizerStateBytes ?? Number.NaN,
  };
}

function meansOf(reports: readonly Plain[]): Figures {
  const mean = (figure: (report: Plain) => number) => meanOf(reports.map(figure));
  return {
    learned: mean(({ learned }) => learned),
    last: mean(({ last }) => last),
    lost: mean(({ lost }) => lost),
    second: mean(({ second }) => second),
    average: mean(({ average }) => average),
    losses: (reports[0]?.losses ?? []).map((_, place) => mean(({ losses }) => losses[place] ?? Number.NaN)),
    meanShift: mean(({ meanShift }) => meanShift),
    changedShare: mean(({ changedShare }) => changedShare),
    stateBytes: mean(({ stateBytes }) => stateBytes),
  };
}
