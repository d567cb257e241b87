import { comparisonColumns, formatScore } from "./columns.js";
import type { Comparison } from "./comparison.js";
import { formatRate } from "./learning-rates.js";
import { failuresOf, notesOf, titleOf } from "./wording.js";

/** The table of contestants, numbers to the right. */
export function comparisonTable({ metric, optimizers }: Comparison): string {
  const columns = comparisonColumns(metric);
  return table(
    columns.map(({ heading }) => heading),
    optimizers.map((result) => columns.map(({ cell }) => cell(result))),
  );
}

/** A comparison as Markdown: the table, every rate's score, and the runs that failed. */
export function comparisonMarkdown(comparison: Comparison): string {
  const rates = comparison.optimizers.flatMap(({ optimizer, rates }) =>
    rates.map(({ learningRate, score }) => [
      optimizer,
      formatRate(learningRate),
      score === undefined ? "–" : formatScore(score),
      String(score?.seeds.length ?? 0),
    ]),
  );
  const failures = failuresOf(comparison);
  return [
    `# ${titleOf(comparison)}\n`,
    `${notesOf(comparison).join(" ")}\n`,
    comparisonTable(comparison),
    "## Every learning rate\n",
    table(["optimizer", "learning rate", comparison.metric.name, "seeds"], rates),
    ...(failures.length === 0
      ? []
      : ["## Runs without a result\n", `${failures.map((line) => `- ${line}`).join("\n")}\n`]),
  ].join("\n");
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = `|${headings.map((_, column) => (column === 0 ? "---" : "---:")).join("|")}|\n`;
  return [line(headings), rule, ...rows.map(line)].join("");
}
