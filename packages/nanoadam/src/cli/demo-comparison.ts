/** Runs of the demo beside each other. */
import { formatBytes, formatSeconds, formatShare } from "../format.js";
import type { RunSummary } from "../recipes/summary.js";

export interface NamedSummary {
  readonly name: string;
  readonly summary: Pick<RunSummary, "evaluation" | "optimizerStateBytes" | "parameters" | "wallSeconds">;
}

/** A small table, columns aligned. */
export function comparisonTable(results: readonly NamedSummary[]): string[] {
  const rows = [
    ["", "accuracy", "optimizer state", "weights changed", "time"],
    ...results.map(({ name, summary }) => [
      name,
      formatShare(summary.evaluation.final.accuracy ?? Number.NaN),
      formatBytes(summary.optimizerStateBytes),
      formatShare(summary.parameters.everChanged.share),
      formatSeconds(summary.wallSeconds),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("   "),
  );
}

/** Bytes that AdamW keeps of each weight: two moments, in float32. */
const adamwBytes = 8;

/** What a run cost, and what AdamW would keep, by the number of weights alone. */
export function costLines({ parameters, optimizerStateBytes }: NamedSummary["summary"]): string[] {
  const adamw = parameters.total * adamwBytes;
  return [
    `NanoAdam changed ${formatShare(parameters.everChanged.share)} of the weights and kept ${formatBytes(optimizerStateBytes)} of optimizer state.`,
    `AdamW moves any weight and would keep ${formatBytes(adamw)}, ${(adamw / optimizerStateBytes).toFixed(0)} times as much`,
    `(computed, ${adamwBytes} bytes a weight; nanoadam demo --compare runs it).`,
  ];
}
