/** A report of a run's data as a terminal shows it. */
import { formatCount } from "../format.js";
import type { DataReport } from "../train/data-report.js";
import { withFlags } from "./flag-names.js";

const mostClasses = 8;

/**
 * "data: 270 training rows, 30 held out; texts of 12 tokens (at most 64)", the classes with their counts in one line, and a
 * line for each note.
 */
export function dataLines(report: DataReport): string[] {
  const { train, evaluation, classes, imageSize, tokens, notes } = report;
  const cut = tokens.cut === 0 ? "" : `, ${formatCount(tokens.cut)} cut to ${tokens.limit}`;
  return [
    imageSize === undefined
      ? `data: ${formatCount(train)} rows to train on, ${formatCount(evaluation)} to evaluate; texts of ${tokens.median} tokens in the median, ${tokens.longest} at most${cut}`
      : `data: ${formatCount(train)} images to train on, ${formatCount(evaluation)} to evaluate, each brought to ${imageSize[1]} x ${imageSize[0]} pixels`,
    ...(classes === undefined ? [] : [`${classes.length} classes: ${classCounts(classes)}`]),
    ...notes.map((note) => `note: ${withFlags(note)}`),
  ];
}

/** "refund 120, delivery 95, ...": training rows of each class. */
function classCounts(classes: NonNullable<DataReport["classes"]>): string {
  const shown = classes.slice(0, mostClasses).map(({ name, train }) => `${name} ${formatCount(train)}`);
  const rest = classes.slice(mostClasses);
  if (rest.length > 0) {
    const counts = rest.map(({ train }) => train);
    shown.push(`${rest.length} more with ${formatCount(Math.min(...counts))} to ${formatCount(Math.max(...counts))}`);
  }
  return shown.join(", ");
}
