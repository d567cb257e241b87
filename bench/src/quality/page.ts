/** What the runs came to, as the part of a page that is written by the program. */

import type { EarlierTask } from "./earlier.js";
import {
  type Comparison,
  compareAll,
  differences,
  type Estimate,
  gain,
  overallOf,
  pooledDeviation,
  quality,
  rowsAt,
  type Sample,
  sampleOf,
} from "./figures.js";
import type { RunRow } from "./runs.js";
import type { QualityTask } from "./tasks.js";
import { adamw, baseline, bestRate, compared } from "./variations.js";

const [opening, closing] = ["<!-- written from quality.jsonl -->", "<!-- to here -->"];

/** The page with what stands between its two marks replaced. */
export function withSection(page: string, section: string): string {
  const [start, end] = [page.indexOf(opening), page.indexOf(closing)];
  if (start === -1 || end < start) throw new Error(`The page has no ${opening} before a ${closing}.`);
  return `${page.slice(0, start)}${opening}\n\n${section}\n${page.slice(end)}`;
}

export function qualitySection(
  rows: readonly RunRow[],
  tasks: readonly QualityTask[],
  earlier: readonly EarlierTask[],
): string {
  const measured = tasks.filter((task) =>
    compared.some(({ name }) => differences(rows, task, name, quality).length > 0),
  );
  const comparisons = compareAll(rows, measured, quality);
  return [
    ...tasks.map(({ name, description }) => `- **${name}**: ${description}.`),
    "",
    ...rateTable(rows, tasks),
    "",
    "What a difference to NanoAdam as it is can be told from, in points, two standard errors being counted as told:",
    "",
    ...powerTable(rows, measured),
    "",
    "Each less NanoAdam as it is, in points, with its standard error; in bold what is above two of them:",
    "",
    ...differenceTable(comparisons, measured),
    "",
    "The same in hundredths of the loss on the measured rows, turned about so that more is better:",
    "",
    ...differenceTable(compareAll(rows, measured, gain), measured),
    "",
    ...verdict(comparisons),
    "",
    "The longer runs of [comparison.md](comparison.md), looked at in the same way: minibert on GLUE tasks, pairs of the same rate and seed for the",
    "correction by entry less that by the step, of the same seed at each one's best rate for AdamW less NanoAdam; errors by their own deviation.",
    "",
    ...earlierTable(earlier),
    "",
  ].join("\n");
}

const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [line(headings), `|---${"|---:".repeat(headings.length - 1)}|`, ...rows.map(line)];
}

function rateTable(rows: readonly RunRow[], tasks: readonly QualityTask[]): string[] {
  const cellsOf = (task: QualityTask, contestant: string, rates: readonly number[]) =>
    rates.map((rate) => {
      const own = rowsAt(rows, task, contestant, rate);
      const mark = rate === bestRate(task, contestant) ? "**" : "";
      const found = own.length === 0 ? "–" : withDeviation(sampleOf(own.map((row) => quality(row))));
      return `${mark}${rate.toExponential()}: ${found}${mark}`;
    });
  return table(
    ["per cent right (of questions: tokens)", "nanoadam", "adamw"],
    tasks.map((task) => [
      task.name,
      cellsOf(task, baseline.name, task.rates.nanoadam).join("; "),
      cellsOf(task, adamw.name, task.rates.adamw).join("; "),
    ]),
  );
}

function withDeviation({ mean, deviation, count }: Sample): string {
  return count === 1 ? `${mean.toFixed(1)} (1 seed)` : `${mean.toFixed(1)} ± ${deviation.toFixed(1)} (${count})`;
}

const wanted = 0.5;

/** What one seed alone cannot say is left open. */
const known = (value: number, digits: number) => (Number.isNaN(value) ? "–" : value.toFixed(digits));

function powerTable(rows: readonly RunRow[], tasks: readonly QualityTask[]): string[] {
  const headings = ["", "deviation of a run", "of a difference, same seed", "3 seeds tell", "10 seeds tell"];
  return table(
    [...headings, `seeds for ${wanted}`],
    tasks.map((task) => {
      const base = rowsAt(rows, task, baseline.name, task.best.nanoadam).map((row) => quality(row));
      const paired = pooledDeviation(rows, task, quality);
      const told = (seeds: number) => known((2 * paired) / Math.sqrt(seeds), 1);
      const needed = Math.ceil(((2 * paired) / wanted) ** 2);
      return [task.name, known(sampleOf(base).deviation, 1), known(paired, 1), told(3), told(10), known(needed, 0)];
    }),
  );
}

function differenceTable(comparisons: readonly Comparison[], tasks: readonly QualityTask[]): string[] {
  return table(
    ["", ...tasks.map(({ name }) => name), "mean"],
    comparisons.map(({ contestant, ofTasks, overall }) => [
      contestant === adamw.name ? "adamw at its best rate" : `\`${contestant}\``,
      ...ofTasks.map((each) => (each === undefined ? "–" : `${inPoints(each)} (${each.seeds})`)),
      overall === undefined ? "–" : inPoints(overall),
    ]),
  );
}

function inPoints({ mean, standardError }: Omit<Estimate, "seeds">): string {
  const mark = Math.abs(mean) > 2 * standardError ? "**" : "";
  return `${mark}${mean < 0 ? "" : "+"}${mean.toFixed(2)}${mark} ± ${known(standardError, 2)}`;
}

function earlierTable(earlier: readonly EarlierTask[]): string[] {
  const cells = (title: string, estimates: readonly Estimate[]) => [
    title,
    ...estimates.map((each) => `${inPoints(each)} (${each.seeds})`),
    inPoints(overallOf(estimates)),
  ];
  return table(
    ["", ...earlier.map(({ name, metric }) => `${name}, ${metric}`), "mean"],
    [
      cells(
        "`--bias-correction entry`",
        earlier.map(({ byEntry }) => byEntry),
      ),
      cells(
        "adamw at its best rate",
        earlier.map((each) => each.adamw),
      ),
    ],
  );
}

function verdict(comparisons: readonly Comparison[]): string[] {
  const helping = comparisons.filter(({ helps, contestant }) => helps && contestant !== adamw.name);
  const count = comparisons.filter(
    ({ overall, contestant }) => overall !== undefined && contestant !== adamw.name,
  ).length;
  const absent = compared
    .map(({ name }) => name)
    .filter((name) => !comparisons.some(({ contestant }) => contestant === name));
  const byChance = (0.023 * count).toFixed(1);
  return [
    `Better by more than two standard errors over all, and behind on none by more than a difference's deviation: ${listed(helping.map(({ contestant }) => contestant))}.`,
    `Of ${count} that change nothing, chance would put ${byChance} there. Not run yet: ${listed(absent)}.`,
  ];
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `\`${name}\``).join(", ");
}
