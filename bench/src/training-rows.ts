/**
 * A training step and the memory of its process, ours at several densities against our own AdamW and PyTorch's. A round runs
 * every side once, one after another, so that a ratio is of two runs a minute apart.
 */
import { type StepShape, withModelFolder } from "./model-folder.js";
import type { Row } from "./row.js";
import { comparedRows, nanoadamStep, type StepFigures, type StepSettings, type TorchPeer, torchStep } from "./step.js";

const constantDensity = (density: string) => ["--static-mask", "--density", density, "--final-density", density];

/** The same step, a batch's texts one part after another. */
function inParts(parts: number, { batch }: StepShape): readonly string[] {
  return ["--batch-size", String(batch / parts), "--accumulate", String(parts)];
}
const inHalfMemory = ["--weights", "bfloat16", "--checkpointing", "stage"];

const ours = {
  AdamW: () => ["--optimizer", "adamw"],
  "NanoAdam 10 %": () => constantDensity("0.1"),
  "NanoAdam 10 %, whole products": () => [...constantDensity("0.1"), "--sampled-below", "0"],
  "NanoAdam 4 %": () => constantDensity("0.04"),
  "NanoAdam 1 %": () => constantDensity("0.01"),
  "NanoAdam 1 %, in 2 parts": (shape) => [...constantDensity("0.01"), ...inParts(2, shape)],
  "NanoAdam 1 %, bfloat16 weights, checkpointing": () => [...constantDensity("0.01"), ...inHalfMemory],
  "NanoAdam 1 %, bfloat16 weights, checkpointing, in 2 parts": (shape) => [
    ...constantDensity("0.01"),
    ...inHalfMemory,
    ...inParts(2, shape),
  ],
  "NanoAdam 1 %, bfloat16 weights, checkpointing, in 4 parts": (shape) => [
    ...constantDensity("0.01"),
    ...inHalfMemory,
    ...inParts(4, shape),
  ],
} as const satisfies Readonly<Record<string, (shape: StepShape) => readonly string[]>>;

type Side = keyof typeof ours | "PyTorch float32" | "PyTorch bfloat16";

/** Which sides are set against which: the second is the peer. */
const pairs: readonly (readonly [Side, Side])[] = [
  ["NanoAdam 10 %", "PyTorch float32"],
  ["NanoAdam 4 %", "PyTorch float32"],
  ["NanoAdam 1 %", "PyTorch float32"],
  ["NanoAdam 1 %, in 2 parts", "PyTorch float32"],
  ["NanoAdam 1 %, bfloat16 weights, checkpointing", "PyTorch float32"],
  ["NanoAdam 1 %, bfloat16 weights, checkpointing, in 2 parts", "PyTorch float32"],
  ["NanoAdam 1 %, bfloat16 weights, checkpointing, in 4 parts", "PyTorch float32"],
  ["AdamW", "PyTorch float32"],
  ["NanoAdam 1 %", "PyTorch bfloat16"],
  ["NanoAdam 1 %", "AdamW"],
  ["NanoAdam 10 %", "NanoAdam 10 %, whole products"],
];

export interface TrainingOptions extends StepSettings {
  readonly rounds: number;
  readonly torch: TorchPeer | undefined;
}

/** Rows of step times and of memory for an encoder of one shape. */
export async function trainingRows(name: string, shape: StepShape, options: TrainingOptions): Promise<Row[]> {
  const { rounds, torch } = options;
  return withModelFolder(shape, (folder) => {
    const measured = Array.from({ length: rounds }, () => {
      const figures = new Map<Side, StepFigures>();
      if (torch !== undefined) {
        figures.set("PyTorch float32", torchStep(torch, shape, options, "float32"));
        figures.set("PyTorch bfloat16", torchStep(torch, shape, options, "bfloat16"));
      }
      for (const [side, flagsOf] of Object.entries(ours)) {
        figures.set(side as Side, nanoadamStep(folder, shape, options, flagsOf(shape)));
      }
      return figures;
    });
    return pairs.flatMap(([side, peer]): Row[] => {
      const title = `${name}: ${side} against ${peer}`;
      const both = measured.flatMap((figures) => {
        const [own, other] = [figures.get(side), figures.get(peer)];
        return own === undefined || other === undefined ? [] : [{ ours: own, theirs: other }];
      });
      if (both.length === 0) return [{ name: title, absent: "there is no PyTorch here (--torch, --shared)" }];
      return comparedRows(title, both);
    });
  });
}
