/** A run as one page: what came of it, its curves, its answers, and what it was made with. Nothing is loaded, no script runs. */
import { escapeMarkup } from "../escape-markup.js";
import { formatBytes, formatCount, formatSeconds, formatShare } from "../format.js";
import type { AnswersShown, Mistake, Review } from "../tasks/review.js";
import type { Evaluation } from "../train/evaluation.js";
import { drawAnswers, mostClasses } from "./draw.js";
import type { RunHistory } from "./history.js";
import { type Cell, curvesSection, factsTable, page, rowsTable } from "./page.js";

/** What a report is of. */
export interface ReportedRun {
  /** Of the page: the name of the output folder. */
  readonly title: string;
  readonly history: RunHistory;
  /** The options in force, by their names. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** What came of a run that is done. */
  readonly result?: RunResult;
  /** Why a run is not done, or did not go to its end, in a sentence without a full stop. */
  readonly ended?: string;
}

/** What came of a run, as its summary has it. */
export interface RunResult {
  readonly review: Review;
  readonly answers: AnswersShown | undefined;
  /** Of each of the review's mistakes a picture, by a data URI, where it is of an image. */
  readonly pictures?: readonly (string | undefined)[];
  readonly parameters: {
    readonly total: number;
    readonly everChanged: { readonly count: number; readonly share: number };
  };
  readonly optimizer: string;
  readonly wallSeconds: number;
  readonly stepMilliseconds: number;
  readonly peakRssBytes: number;
  readonly optimizerStateBytes: number;
}

export function reportHtml(run: ReportedRun): string {
  const { title, history, configuration, result, ended } = run;
  const done = history.steps.at(-1)?.step ?? 0;
  const { start } = history;
  const of = start === undefined ? `${done} steps` : `${formatCount(done)} of ${formatCount(start.totalSteps)} steps`;
  return page(
    title,
    [
      `<h1>${escapeMarkup(title)}</h1>`,
      `<p>${escapeMarkup(result?.review.verdict ?? `Not finished: ${of}.`)}</p>`,
      ...(ended === undefined ? [] : [`<p><strong>${escapeMarkup(ended)}.</strong></p>`]),
      "<h2>Result</h2>",
      factsTable(factsOf(run, of)),
      "<h2>Curves</h2>",
      curvesSection(history),
      ...(result === undefined ? [] : answersSections(result)),
      "<h2>Configuration</h2>",
      factsTable(Object.entries(configuration).flatMap(([name, value]) => optionLine(name, value))),
    ].join("\n"),
  );
}

function factsOf({ history, result }: ReportedRun, steps: string): [string, string][] {
  const { start, evaluations } = history;
  const [first, last] = [evaluations[0], evaluations.at(-1)];
  const measured = figuresOf(last?.eval, first?.eval);
  const kept = figuresOf(last?.retained, first?.retained);
  return [
    ...measured,
    ...kept.map(([name, figures]): [string, string] => [`retained ${name}`, figures]),
    ["steps", steps],
    ...(start === undefined
      ? []
      : ([
          ["model", `${start.architecture} from ${start.source}`],
          ["parameters", formatCount(start.parameters)],
        ] as [string, string][])),
    ...(result === undefined
      ? []
      : ([
          ["changed", changedText(result)],
          ["optimizer", `${result.optimizer}, states of ${formatBytes(result.optimizerStateBytes)}`],
          [
            "time",
            `${formatSeconds(result.wallSeconds)}, ${result.stepMilliseconds.toFixed(0)} ms a step; at most ${formatBytes(result.peakRssBytes)} of memory`,
          ],
        ] as [string, string][])),
  ];
}

/** The figures of an evaluation beside those of the first. */
function figuresOf(last: Evaluation | undefined, first: Evaluation | undefined): [string, string][] {
  return Object.entries(last ?? {}).map(([name, value]) => [
    name,
    `${formatFigure(value)} (${formatFigure(first?.[name] ?? Number.NaN)} before)`,
  ]);
}

function changedText({ parameters: { everChanged, total } }: RunResult): string {
  return `${formatCount(everChanged.count)} of ${formatCount(total)} weights (${formatShare(everChanged.share)})`;
}

function formatFigure(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : "none";
}

/** The pictures and tables of what was answered; a task has some of them. */
function answersSections({ review, answers, pictures }: RunResult): string[] {
  const picture = answers === undefined ? undefined : drawAnswers(answers);
  const { classes, confusions = [], mistakes = [] } = review;
  return [
    ...(picture === undefined ? [] : [`<h2>Answers</h2>\n<figure class="answers">${picture}</figure>`]),
    ...(classes === undefined
      ? []
      : [
          "<h2>By label</h2>",
          rowsTable(
            ["label", "examples", "precision", "recall", "F1"],
            classes.map(({ name, examples, precision, recall, f1 }) => [
              name,
              examples,
              ...[precision, recall, f1].map((value) => ({ value, decimals: 3 })),
            ]),
          ),
        ]),
    ...(confusions.length === 0 || (classes?.length ?? 0) <= mostClasses
      ? []
      : [
          "<h2>Most frequent confusions</h2>",
          rowsTable(
            ["label", "predicted", "examples"],
            confusions.map(({ label, predicted, count }) => [label, predicted, count]),
          ),
        ]),
    ...(mistakes.length === 0 ? [] : ["<h2>Examples it got most wrong</h2>", mistakesTable(mistakes, pictures)]),
  ];
}

/** Of longer texts, the beginning. */
const longestText = 400;

function mistakesTable(mistakes: readonly Mistake[], pictures: RunResult["pictures"] = []): string {
  const areImages = mistakes.some(({ isImage }) => isImage === true);
  const isSure = mistakes.some(({ probability }) => probability !== undefined);
  return rowsTable(
    [
      areImages ? "image" : "text",
      "label",
      "predicted",
      ...(isSure ? ["probability"] : []),
      ...(areImages ? [] : ["line"]),
    ],
    mistakes.map(({ text, label, predicted, probability, line }, place) => [
      withPicture(text.length > longestText ? `${text.slice(0, longestText)} …` : text, pictures[place]),
      rounded(label),
      rounded(predicted),
      ...(isSure ? [{ value: probability ?? Number.NaN, decimals: 3 }] : []),
      ...(areImages ? [] : [line]),
    ]),
  );
}

function withPicture(text: string, picture: string | undefined): Cell {
  return picture === undefined ? text : { picture, text };
}

function rounded(value: string | number): string | number {
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}

function optionLine(name: string, value: unknown): [string, string][] {
  if (value === undefined) return [];
  return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
}
