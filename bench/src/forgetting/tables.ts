/** The results as a page of tables. */
import { bestSettings, type Mean, missingCells, plannedRuns, type Setting, settingsOf } from "./figures.js";
import { pictureFile } from "./picture.js";
import type { RunResult } from "./runs.js";
import type { Study } from "./studies.js";

export function resultsPage(studies: readonly Study[], resultsOf: (study: Study) => readonly RunResult[]): string {
  return [
    "# What was measured of forgetting",
    "",
    "Written by `node bench/dist/forgetting/main.js --write`; [forgetting.md](forgetting.md) says what it means. Figures in per cent but for",
    "shifts and losses of hidden words; means over seeds, with their sample deviation. Every run is in [forgetting.jsonl](forgetting.jsonl).",
    "",
    ...studies.flatMap((study) => section(study, resultsOf(study))),
  ].join("\n");
}

function section(study: Study, results: readonly RunResult[]): string[] {
  const settings = settingsOf(study, results);
  const best = bestSettings(study, results);
  const heading = [`## ${study.name}`, "", study.description, ""];
  if (settings.length === 0) return [...heading, "Not run yet.", ""];
  return [
    ...heading,
    ...(missingCells(study, results).length > 0
      ? [`${results.length} runs so far, of the ${plannedRuns(study)} that are wanted.`, ""]
      : []),
    `Each optimizer at its best rate by ${study.second.task} (${study.second.metric}):`,
    "",
    ...table(study, best),
    "",
    `All rates, ${study.second.task} against what is lost of ${study.first}:`,
    "",
    `![${study.second.task} against what is lost of ${study.first}, by optimizer and rate](${pictureFile(study)})`,
    "",
    ...table(study, settings),
    "",
  ];
}

function table({ first, second }: Study, settings: readonly Setting[]): string[] {
  const hasLosses = settings.some(({ figures }) => (figures?.losses.length ?? 0) > 0);
  const headings = [
    ...["optimizer", "rate", "seeds", `${first} at first`, `${second.task} (${second.metric})`, `${first} in the end`],
    ...["average", "lost", ...(hasLosses ? ["loss of hidden words: at first, then after each"] : [])],
    ...["mean l2 shift", "body changed", "optimizer state"],
  ];
  const rows = settings.map(({ contestant, learningRate, runs, diverged, figures }) => {
    const start = [contestant.name, learningRate.toExponential(), String(runs)];
    if (figures === undefined) return [...start, "diverged", ...headings.slice(4).map(() => "–")];
    return [
      ...[start[0], start[1], diverged === 0 ? start[2] : `${runs}, ${diverged} diverged`],
      ...[figures.learned, figures.second, figures.last, figures.average, figures.lost].map(inPerCent),
      ...(hasLosses ? [figures.losses.map(({ mean }) => mean.toFixed(2)).join(", ")] : []),
      withDeviation(figures.meanShift, (value) => value.toPrecision(3)),
      inPerCent(figures.changedShare),
      `${(figures.stateBytes.mean / 1000).toFixed(0)} kB`,
    ];
  });
  const line = (cells: readonly (string | undefined)[]) => `| ${cells.join(" | ")} |`;
  return [line(headings), `|---${"|---:".repeat(headings.length - 1)}|`, ...rows.map(line)];
}

const inPerCent = (mean: Mean) => withDeviation(mean, (value) => (100 * value).toFixed(1));

function withDeviation({ mean, deviation }: Mean, format: (value: number) => string): string {
  return deviation === undefined ? format(mean) : `${format(mean)} ± ${format(deviation)}`;
}
