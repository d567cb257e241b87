import { formatBytes, formatCount, formatShare } from "../format.js";
import type { RunStart } from "../train/observer.js";
import { dataLines } from "./data-lines.js";

/** What is known before the first step, a line each; names of tensors where `verbose` is set. */
export function startLines(start: RunStart, verbose: boolean): string[] {
  const { counts, initialised, unused } = start;
  const { selected, dense } = counts;
  return [
    `${start.architecture} from ${start.source}, ${formatCount(counts.total)} parameters`,
    ...freshLines(initialised, verbose),
    ...unusedLines(unused, verbose),
    ...dataLines(start.data),
    `${formatCount(start.totalSteps)} ${start.totalSteps === 1 ? "step" : "steps"} of ${start.batchSize} rows, learning rate ${start.learningRate}; updates ${formatCount(selected.count)} selected entries (${formatShare(selected.share)}) and ${formatCount(dense.count)} of whole tensors`,
    `about ${formatBytes(start.peakMemory)} of memory will be needed`,
  ];
}

/** "the classifier is new: 2 tensors drawn afresh". */
function freshLines(names: readonly string[], verbose: boolean): string[] {
  if (names.length === 0) return [];
  const parts = [...new Set(names.map(partOf))].map((part) => `the ${part}`);
  const told = parts.length <= 3 ? parts.join(" and ") : "a part of the model";
  const verb = parts.length === 1 || parts.length > 3 ? "is" : "are";
  return [`${told} ${verb} new: ${tensors(names)} drawn afresh`, ...listed(names, verbose)];
}

function unusedLines(names: readonly string[], verbose: boolean): string[] {
  if (names.length === 0) return [];
  return [`not used: ${tensors(names)} of the checkpoint`, ...listed(names, verbose)];
}

/** The part of a model that a tensor is of, as people call it. */
function partOf(name: string): string {
  return name.split(".").find((part) => part === "pooler") ?? name.split(".")[0] ?? name;
}

function tensors({ length }: readonly string[]): string {
  return `${formatCount(length)} ${length === 1 ? "tensor" : "tensors"}`;
}

function listed(names: readonly string[], verbose: boolean): string[] {
  return verbose ? names.map((name) => `  ${name}`) : [];
}
