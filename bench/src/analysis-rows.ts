/** What `analyze` costs: a look after a step, in steps, and the memory that the run takes more. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FinetuneInput } from "nanoadam";
import type { AnalysisRunFigures } from "./analysis-run.js";
import { outputOf } from "./child-process.js";
import { type StepShape, withModelFolder } from "./model-folder.js";
import { type FigureRow, median } from "./row.js";

const script = fileURLToPath(new URL("analysis-run.js", import.meta.url));

const optimizers = ["nanoadam", "adamw"] as const;

export async function analysisRows(
  name: string,
  shape: StepShape,
  { rounds, threads }: { readonly rounds: number; readonly threads: number },
): Promise<FigureRow[]> {
  return withModelFolder(shape, (folder) =>
    optimizers.flatMap((optimizer): FigureRow[] => {
      const run = (analyze: boolean) => {
        const input: FinetuneInput = {
          ...{ model: join(folder, "model"), train: join(folder, "train.tsv"), eval: join(folder, "eval.tsv") },
          ...{ text: "text", label: "label", output: join(folder, "output"), overwrite: true, saveDtype: "bfloat16" },
          ...{ batchSize: shape.batch, maxLength: shape.length, learningRate: 1e-5, threads, optimizer, analyze },
        };
        return JSON.parse(outputOf(process.execPath, [script, JSON.stringify(input)])) as AnalysisRunFigures;
      };
      const pairs = Array.from({ length: rounds }, () => ({ seen: run(true), plain: run(false) }));
      const of = (figure: (pair: (typeof pairs)[number]) => number) => median(pairs.map(figure));
      const megabytes = (pair: (typeof pairs)[number], which: "seen" | "plain") => pair[which].peakRssBytes / 1e6;
      return [
        {
          name: `${name}, ${optimizer}: a look of analyze`,
          value: of(({ seen }) => seen.look.processor / seen.step.processor),
          unit: "steps of processor time",
          parts: {
            "by the clock, steps": of(({ seen }) => seen.look.wall / seen.step.wall),
            "look, ms of the processor": of(({ seen }) => seen.look.processor),
            "step, ms of the processor": of(({ seen }) => seen.step.processor),
          },
        },
        {
          name: `${name}, ${optimizer}: memory that analyze takes more`,
          value: of((pair) => megabytes(pair, "seen") - megabytes(pair, "plain")),
          unit: "MB at the peak",
          parts: {
            "with, MB": of((pair) => megabytes(pair, "seen")),
            "without, MB": of((pair) => megabytes(pair, "plain")),
            "weights of a layer, MB": (12 * shape.hidden ** 2 * 4) / 1e6,
          },
        },
      ];
    }),
  );
}
