/** The tables of a sequence of tasks, in words. */
import { formatBytes, formatCount, formatSeconds, formatShare } from "../format.js";
import type { Table } from "../markdown-table.js";
import type { ContinualReport, TaskReport } from "./report.js";

const noFigure = "–";

const formatFigure = (value: number | null | undefined) =>
  value === undefined || value === null || !Number.isFinite(value) ? noFigure : value.toFixed(4);

/** What each task is worth after each. */
export function matrixTable({ tasks, rows }: ContinualReport): Table {
  return {
    headings: ["", ...tasks.map(({ name, metric }) => (metric === undefined ? name : `${name} (${metric})`))],
    rows: rows.map(({ after, figures }) => [
      after === null ? "at first" : `after ${after}`,
      ...figures.map(formatFigure),
    ]),
  };
}

/** How each task was learned, and what is left of it. */
export function tasksTable({ tasks }: ContinualReport): Table {
  const ofTraining = ({ training }: TaskReport) =>
    training === undefined
      ? Array.from({ length: 6 }, () => noFigure)
      : [
          training.optimizer,
          training.learningRate.toExponential(),
          formatCount(training.steps),
          formatShare(training.changedShare),
          formatBytes(training.optimizerStateBytes),
          formatSeconds(training.seconds),
        ];
  return {
    headings: [
      ...["task", "learned", "in the end", "lost", "optimizer", "learning rate", "steps", "weights changed"],
      ...["optimizer state", "time"],
    ],
    rows: tasks.map((task) => [
      task.name,
      formatFigure(task.learned),
      formatFigure(task.last),
      formatFigure(task.lost),
      ...ofTraining(task),
    ]),
  };
}

/** How far the body moved, after each task. */
export function shiftTable({ shifts }: ContinualReport): Table {
  return {
    headings: ["", "mean l2 shift", "l2 shift of all", "weights changed"],
    rows: shifts.map(({ after, mean, overall, changedShare }) => [
      `after ${after}`,
      mean.toPrecision(3),
      overall.toPrecision(3),
      formatShare(changedShare),
    ]),
  };
}

/** The same layer by layer. */
export function layersTable({ shifts }: ContinualReport): Table {
  const layers = shifts[0]?.layers ?? [];
  return {
    headings: ["layer", ...shifts.map(({ after }) => `after ${after}`)],
    rows: layers.map(({ layer }, place) => [
      layer,
      ...shifts.map((shift) => shift.layers[place]?.mean.toPrecision(3) ?? noFigure),
    ]),
  };
}

/** A sentence each. */
export function notesOf({ tasks, progress, average, forgetting }: ContinualReport): string[] {
  const known = tasks.filter(({ isKnown }) => isKnown).map(({ name }) => name);
  const lower = tasks.filter(({ better }) => better === "lower");
  return [
    ...(progress.done < progress.planned ? [`${progress.done} of ${progress.planned} tasks are learned so far.`] : []),
    ...(average === undefined ? [] : [`Average ${formatFigure(average)}.`]),
    ...(forgetting === undefined ? [] : [`Forgetting ${formatFigure(forgetting)}.`]),
    ...(known.length === 0
      ? []
      : [`${known.join(", ")}: measured with the head that the model came with, not learned here.`]),
    ...lower.map(({ name, metric }) => `${name}: ${metric}, lower is better; not in the averages.`),
  ];
}

/** The heading of the pages. */
export function titleOf({ tasks }: ContinualReport): string {
  return `One after another: ${tasks.map(({ name }) => name).join(", ")}`;
}
