/**
 * Memory and speed of fine-tuning decoders: random checkpoints of real shapes, three real steps of the command at 2 x 256 tokens;
 * and beside it PyTorch with transformers and AdamW, where a Python is given that has both (`--torch`; peer-hf/setup.sh).
 */
import { totalmem } from "node:os";
import { join } from "node:path";
import { boundProduct } from "./bound-product.js";
import { outputOf } from "./child-process.js";
import { type DecoderShape, decoderBatch, withDecoderFolder } from "./decoder-folder.js";
import { type FigureRow, measuredRow, median, type Row } from "./row.js";
import { commandLine, figuresOfSummary, returningMemory, type StepFigures, transformersStep } from "./step.js";

const shapes = {
  "SmolLM2-135M": { layers: 30, hidden: 576, heads: 9, keyHeads: 3, feedForward: 1536, vocabulary: 49_152 },
  "Llama-3.2-1B": { layers: 16, hidden: 2048, heads: 32, keyHeads: 8, feedForward: 8192, vocabulary: 128_256 },
  "Llama-3.2-3B": { layers: 28, hidden: 3072, heads: 24, keyHeads: 8, feedForward: 8192, vocabulary: 128_256 },
} as const satisfies Readonly<Record<string, DecoderShape>>;

export type DecoderName = keyof typeof shapes;

/** A step of ours, and the peak memory that it is allowed, in GB. */
interface Side {
  readonly model: DecoderName;
  readonly density: number;
  readonly gigabytes?: number;
  /** Weights in float32 and all activations kept, as PyTorch does it in float32; else as little memory as may be. */
  readonly isForSpeed?: boolean;
}

const bars: readonly Side[] = [
  { model: "SmolLM2-135M", density: 0.1, gigabytes: 1.0 },
  { model: "SmolLM2-135M", density: 0.01 },
  { model: "SmolLM2-135M", density: 0.1, isForSpeed: true },
  { model: "SmolLM2-135M", density: 0.01, isForSpeed: true },
  { model: "Llama-3.2-1B", density: 0.1, gigabytes: 4.2 },
  { model: "Llama-3.2-1B", density: 0.01 },
  { model: "Llama-3.2-1B", density: 0.1, isForSpeed: true },
  { model: "Llama-3.2-1B", density: 0.01, isForSpeed: true },
  { model: "Llama-3.2-3B", density: 0.1, gigabytes: 10 },
  { model: "Llama-3.2-3B", density: 0.01, gigabytes: 7.8 },
];

export interface DecoderSettings {
  readonly models: readonly DecoderName[];
  readonly threads: number;
  readonly rounds: number;
  readonly python: string | undefined;
}

export const decoderNames = Object.keys(shapes) as readonly DecoderName[];

/** Rows of memory and time for each shape, and of ratios to PyTorch's where there is one. */
export async function decoderRows({ models, threads, rounds, python }: DecoderSettings): Promise<Row[]> {
  const rows: Row[] = [];
  for (const model of models) {
    const shape = shapes[model];
    const rate = await peakRate(shape, threads);
    const found = await withDecoderFolder(shape, (folder) => {
      // Each as one batch, and the same step as two batches of one text each.
      const sides = bars
        .filter((bar) => bar.model === model)
        .flatMap((bar) => (bar.isForSpeed === true ? [1] : [1, 2]).map((parts) => ({ ...bar, parts })));
      const ownRounds = sides.map(() => [] as Figures[]);
      const fitting = python === undefined ? [] : peerTypes.filter((type) => fits(shape, type));
      const peerRounds = new Map<PeerType, Figures[]>(fitting.map((type) => [type, []]));
      for (let round = 0; round < rounds; round++) {
        for (const [side, ownSide] of sides.entries()) ownRounds[side]?.push(ownStep(folder, ownSide, threads));
        for (const [type, figures] of peerRounds) {
          figures.push(peerStep(String(python), join(folder, "model"), type, threads));
        }
      }
      return sides.flatMap((side, index): Row[] => {
        const own = ownRounds[index] ?? [];
        const how =
          side.isForSpeed === true ? ", float32, no checkpointing" : side.parts > 1 ? `, in ${side.parts} parts` : "";
        const title = `${model}, ${100 * side.density} %${how}`;
        return [
          ...figuresOf(title, shape, side, own, rate),
          ...[...peerRounds].flatMap(([type, peer]) => ratiosOf(`${title} against PyTorch ${type}`, own, peer)),
        ];
      });
    });
    rows.push(...found);
  }
  return rows;
}

interface Figures {
  readonly seconds: number;
  readonly gigabytes: number;
}

const steps = 3;

const forMemory = ["--state-dtype", "bfloat16", "--checkpointing", "stage", "--clip", "0"];
const forSpeed = ["--weights", "float32"];

function ownStep(
  folder: string,
  { density, parts, isForSpeed }: Side & { readonly parts: number },
  threads: number,
): Figures {
  const command = [
    ...[commandLine, "finetune", "--json", "--overwrite", "--output", join(folder, "output"), "--task", "causal-lm"],
    ...["--model", join(folder, "model"), "--train", join(folder, "train.jsonl"), "--eval", join(folder, "eval.jsonl")],
    ...[
      "--batch-size",
      String(decoderBatch.batch / parts),
      "--accumulate",
      String(parts),
      "--max-length",
      String(decoderBatch.length),
      "--text",
      "text",
    ],
    ...["--threads", String(threads), "--steps", String(steps), "--eval-every", "1000000", "--learning-rate", "1e-5"],
    ...["--density", String(density), "--final-density", String(density), "--static-mask"],
    ...(isForSpeed === true ? forSpeed : forMemory),
  ];
  const text = outputOf(process.execPath, command, isForSpeed === true ? {} : returningMemory);
  return inLargeUnits(figuresOfSummary(text));
}

function inLargeUnits({ milliseconds, peakMemory }: StepFigures): Figures {
  return { seconds: milliseconds / 1000, gigabytes: peakMemory / 1e9 };
}

const peerTypes = ["float32", "bfloat16"] as const;
type PeerType = (typeof peerTypes)[number];

/** Whether PyTorch's weights, gradients and moments leave a quarter of this machine's memory to activations and the rest. */
function fits(shape: DecoderShape, type: PeerType): boolean {
  return (type === "float32" ? 16 : 8) * parametersOf(shape) < 0.75 * totalmem();
}

function peerStep(python: string, model: string, type: PeerType, threads: number): Figures {
  const { batch, length } = decoderBatch;
  const flags = { model, dtype: type, batch, length, threads, steps };
  return inLargeUnits(transformersStep(python, "transformers_step.py", flags));
}

function figuresOf(
  title: string,
  shape: DecoderShape,
  { density, gigabytes }: Side,
  own: readonly Figures[],
  rate: number,
): FigureRow[] {
  const memory = median(own.map((figures) => figures.gigabytes));
  const seconds = median(own.map((figures) => figures.seconds));
  const tokens = decoderBatch.batch * decoderBatch.length;
  const products = stepOperations(shape, density) / rate;
  return [
    {
      name: `${title}: peak memory`,
      value: memory,
      unit: "GB",
      ...(gigabytes === undefined ? {} : { parts: { bar: gigabytes } }),
    },
    {
      name: `${title}: step`,
      value: seconds,
      unit: "s",
      parts: {
        "tokens/s": tokens / seconds,
        "% at the products' peak": (100 * products) / seconds,
        "peak, GFLOP/s": rate / 1e9,
      },
    },
  ];
}

function ratiosOf(title: string, own: readonly Figures[], peer: readonly Figures[]): Row[] {
  if (peer.length === 0) return [];
  const pairs = own.flatMap((ours, round) => {
    const theirs = peer[round];
    return theirs === undefined ? [] : [{ ours, theirs }];
  });
  return [
    measuredRow(
      { name: `${title}, step`, unit: "s", ratioMeans: "times as fast" },
      pairs.map(({ ours, theirs }) => ({ ours: ours.seconds, peer: theirs.seconds })),
    ),
    measuredRow(
      { name: `${title}, peak memory`, unit: "GB", ratioMeans: "times the memory of ours" },
      pairs.map(({ ours, theirs }) => ({ ours: ours.gigabytes, peer: theirs.gigabytes })),
    ),
  ];
}

/** Weights of a layer's products. */
function layerWeights({ hidden, heads, keyHeads, feedForward }: DecoderShape): number {
  return hidden * (2 * hidden + (2 * keyHeads * hidden) / heads + 3 * feedForward);
}

function parametersOf(shape: DecoderShape): number {
  return shape.layers * layerWeights(shape) + shape.vocabulary * shape.hidden;
}

/** Multiplications and additions that a step needs: forward, for inputs' gradients, and for the wanted entries of weights'. */
function stepOperations(shape: DecoderShape, density: number): number {
  const tokens = decoderBatch.batch * decoderBatch.length;
  const attention = 6 * 2 * tokens * decoderBatch.length * shape.hidden * shape.layers;
  return 2 * tokens * parametersOf(shape) * (2 + density) + attention;
}

/** Operations per second of the feed-forward layer's product: the best of many. */
async function peakRate({ hidden, feedForward }: DecoderShape, threads: number): Promise<number> {
  const tokens = decoderBatch.batch * decoderBatch.length;
  const { run, release } = await boundProduct(
    [
      [tokens, hidden],
      [feedForward, hidden],
    ],
    { transposeB: true },
    threads,
  );
  let fastest = Number.POSITIVE_INFINITY;
  for (let repetition = 0; repetition < 20; repetition++) {
    const started = performance.now();
    await run();
    fastest = Math.min(fastest, performance.now() - started);
  }
  await release();
  return (2 * tokens * hidden * feedForward) / (fastest / 1000);
}
