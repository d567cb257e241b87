/**
 * Training steps of networks over images, 8 x 224 x 224, and the memory of their process: ours at two densities and with AdamW against
 * PyTorch with transformers and AdamW in float32, with images laid out as usual and channels-last, where a Python is given that has
 * both (`--torch`; peer-hf/setup.sh). A round runs every side once, one after another.
 *
 *     npm run bench -- --only vision --torch PYTHON [--models ViT-Base,ResNet-50]
 *
 * `--only vision-operators` says where our step goes, by ONNX Runtime's operators.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "./child-process.js";
import { type ImageModelName, imageBatch, imageModels, withImageFolder } from "./image-folder.js";
import { type FigureRow, median, type Row } from "./row.js";
import {
  commandLine,
  comparedRows,
  figuresOfSummary,
  returningMemory,
  type StepFigures,
  type StepSettings,
  transformersStep,
} from "./step.js";
import { sumRow, watchedRun } from "./watched-process.js";

const atDensity = (density: number) => [
  ...["--density", String(density), "--final-density", String(density), "--static-mask"],
];

interface OwnSide {
  readonly flags: readonly string[];
  /** Variables of the process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

const ours: Readonly<Record<string, OwnSide>> = {
  "NanoAdam 1 %": { flags: atDensity(0.01) },
  "NanoAdam 10 %": { flags: atDensity(0.1) },
  AdamW: { flags: ["--optimizer", "adamw"] },
  "NanoAdam 1 %, freed memory returned": { flags: atDensity(0.01), environment: returningMemory },
};

const layouts = ["contiguous", "channels-last"] as const;
type Layout = (typeof layouts)[number];

export interface VisionSettings extends StepSettings {
  readonly models: readonly ImageModelName[];
  readonly rounds: number;
  readonly python: string | undefined;
}

export const imageModelNames = Object.keys(imageModels) as readonly ImageModelName[];

export async function visionRows({ models, rounds, python, ...settings }: VisionSettings): Promise<Row[]> {
  const rows: Row[] = [];
  for (const model of models) {
    const found = await withImageFolder(imageModels[model], (folder) => {
      const measured = Array.from({ length: rounds }, () => ({
        own: Object.values(ours).map((side) => ownStep(folder, settings, side)),
        peers: python === undefined ? [] : layouts.map((layout) => peerStep(python, folder, settings, layout)),
      }));
      return Object.keys(ours).flatMap((side, index) =>
        sideRows(
          `${model}, ${side}`,
          measured.map(({ own, peers }) => ({ own: own[index] as StepFigures, peers })),
        ),
      );
    });
    rows.push(...found);
  }
  return rows;
}

/** ONNX Runtime's own profile of runs at 1 % and with AdamW. */
export async function visionOperatorRows(models: readonly ImageModelName[], threads: number): Promise<FigureRow[]> {
  const sides = {
    "NanoAdam 1 %": { density: 0.01, finalDensity: 0.01, staticMask: true },
    AdamW: { optimizer: "adamw" },
  } as const;
  const rows: FigureRow[] = [];
  for (const model of models) {
    await withImageFolder(imageModels[model], (folder) => {
      for (const [side, options] of Object.entries(sides)) {
        const operators = join(folder, side);
        mkdirSync(operators);
        const finetune = {
          ...{ model: join(folder, "model"), train: join(folder, "train"), eval: join(folder, "eval") },
          ...{ output: join(folder, "output"), overwrite: true, batchSize: imageBatch.images, dropout: 0, threads },
          ...{ learningRate: 1e-5, evalEvery: 1_000_000, ...options },
        };
        const { millisecondsByOperator } = watchedRun({ finetune, warmUpSteps: 1, operators });
        rows.push(sumRow(`${model}, ${side}: time of ONNX Runtime by operator`, "ms a run", millisecondsByOperator));
      }
    });
  }
  return rows;
}

/** One side of ours and the peers in each round. */
interface VisionRound {
  readonly own: StepFigures;
  readonly peers: readonly StepFigures[];
}

function sideRows(title: string, rounds: readonly VisionRound[]): Row[] {
  const own = rounds.map((round) => round.own);
  const rows: Row[] = [
    { name: `${title}: step`, value: median(own.map(({ milliseconds }) => milliseconds)), unit: "ms" },
    { name: `${title}: peak memory`, value: median(own.map(({ peakMemory }) => peakMemory / 1e6)), unit: "MB" },
  ];
  for (const [index, layout] of layouts.entries()) {
    const against = `${title} against PyTorch's AdamW, ${layout}`;
    const both = rounds.flatMap(({ own: ours, peers }) => {
      const theirs = peers[index];
      return theirs === undefined ? [] : [{ ours, theirs }];
    });
    if (both.length === 0) {
      rows.push({ name: against, absent: "there is no PyTorch with transformers here (--torch)" });
      continue;
    }
    rows.push(...comparedRows(against, both));
  }
  return rows;
}

/** Steps of `nanoadam finetune`, as the peer's: without dropout, and with one selection for the whole run. */
function ownStep(folder: string, { threads, steps }: StepSettings, { flags, environment = {} }: OwnSide): StepFigures {
  const command = [
    ...[commandLine, "finetune", "--json", "--overwrite", "--output", join(folder, "output")],
    ...["--model", join(folder, "model"), "--train", join(folder, "train"), "--eval", join(folder, "eval")],
    ...["--batch-size", String(imageBatch.images), "--threads", String(threads), "--steps", String(steps + 1)],
    ...["--eval-every", "1000000", "--learning-rate", "1e-5", "--dropout", "0"],
    ...flags,
  ];
  return figuresOfSummary(outputOf(process.execPath, command, environment));
}

function peerStep(python: string, folder: string, { threads, steps }: StepSettings, layout: Layout): StepFigures {
  const flags = { ...imageBatch, threads, steps, model: join(folder, "model"), layout };
  return transformersStep(python, "transformers_vision_step.py", flags);
}
