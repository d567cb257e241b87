import { markdownTable } from "../markdown-table.js";
import type { ContinualReport } from "./report.js";
import { layersTable, matrixTable, notesOf, shiftTable, tasksTable, titleOf } from "./tables.js";

/** A sequence of tasks as Markdown. */
export function continualMarkdown(report: ContinualReport): string {
  return [
    `# ${titleOf(report)}\n`,
    `${String(report.configuration.model)}. ${notesOf(report).join(" ")}\n`,
    markdownTable(matrixTable(report)),
    "## Tasks\n",
    markdownTable(tasksTable(report)),
    ...(report.shifts.length === 0
      ? []
      : [
          "## How far the body moved\n",
          "From where it began; l2 norms by tensor, without the heads.\n",
          markdownTable(shiftTable(report)),
          "Means over the tensors of a layer:\n",
          markdownTable(layersTable(report)),
        ]),
  ].join("\n");
}
