import { markdownTable } from "../markdown-table.js";
import type { Comparison } from "./comparison.js";
import { failuresOf, notesOf, titleOf } from "./notes.js";
import { contestantsTable, ratesTable } from "./tables.js";

/** A comparison as Markdown: the table, every rate's score, and the runs that failed. */
export function comparisonMarkdown(comparison: Comparison): string {
  const failures = failuresOf(comparison).map((line) => `- ${line}\n`);
  return [
    `# ${titleOf(comparison)}\n`,
    `${notesOf(comparison).join(" ")}\n`,
    markdownTable(contestantsTable(comparison)),
    "## Every learning rate\n",
    markdownTable(ratesTable(comparison)),
    ...(failures.length === 0 ? [] : ["## Runs without a result\n", failures.join("")]),
  ].join("\n");
}
