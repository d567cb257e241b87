/** A fine-tuning that is looked at, of which the figures are kept and the model is not. */
import { join } from "node:path";
import type { Analysis } from "../analysis/analysis.js";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { type AnalyzeInput, analyzeSchema } from "../options/analyze-options.js";
import { outputNamedAfter } from "../options/output-options.js";
import { parseOptions } from "../options/parse-options.js";
import { performRun } from "./finetune.js";
import { analysisFiles } from "./microscope.js";
import type { RunControl } from "./run-control.js";
import type { RunSummary } from "./summary.js";

/** What an analysis found, and what came of the run. */
export interface AnalysisReport {
  readonly analysis: Analysis;
  readonly summary: RunSummary;
  /** The folder with `analysis.json`, the page `analysis.html`, `summary.json` and `metrics.jsonl`. */
  readonly output: string;
}

/**
 * Fine-tunes a model and looks at weights and gradients on the way, as `finetune` does with `analyze`, but writes no model.
 * @throws what `finetune` throws
 */
export async function analyze(
  input: AnalyzeInput,
  control: Pick<RunControl, "observers" | "signal"> = {},
): Promise<AnalysisReport> {
  parseOptions(analyzeSchema, input);
  const output = input.output ?? outputNamedAfter(input.train, "analysis");
  const { observers, signal } = control;
  const summary = await performRun({
    input: { ...input, output, analyze: true },
    control: { ...(observers === undefined ? {} : { observers }), signal },
    keepsModel: false,
  });
  const analysis = await readJsonObject(join(output, analysisFiles.figures));
  if (analysis === undefined) throw new InputError(`${output} has no ${analysisFiles.figures} any more`);
  return { analysis: analysis as unknown as Analysis, summary, output };
}
