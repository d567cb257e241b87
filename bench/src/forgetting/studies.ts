/** What is learned after what, by which optimizers and at which rates. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ContinualInput } from "nanoadam";
import { flowerTables } from "../flower-tables.js";

/** An optimizer with its settings, and the rates that it is tried at. */
export interface Contestant {
  readonly name: string;
  readonly options: Partial<ContinualInput>;
  readonly learningRates: readonly number[];
}

export interface Study {
  readonly name: string;
  /** In a sentence, for the results' page. */
  readonly description: string;
  /** All but the optimizer, its rate, the seed and the output. */
  readonly input: Omit<ContinualInput, "output">;
  readonly contestants: readonly Contestant[];
  /** The task whose loss is looked at, and the figure of the task that is learned after it; the best rate is by that. */
  readonly first: string;
  readonly second: { readonly task: string; readonly metric: string };
}

/** Every rate runs with the first of them, and that which is best by it with the others. */
export const seeds = [0, 1, 2] as const;

/** One run of a study. */
export interface Cell {
  readonly study: Study;
  readonly contestant: Contestant;
  readonly learningRate: number;
  readonly seed: number;
}

/** The runs that a study may have, every rate with every seed; the seeds one after another. */
export function cellsOf(study: Study): Cell[] {
  return seeds.flatMap((seed) =>
    study.contestants.flatMap((contestant) =>
      contestant.learningRates.map((learningRate) => ({ study, contestant, learningRate, seed })),
    ),
  );
}

export function nameOf({ contestant, learningRate, seed }: Cell): string {
  return `${contestant.name.replace(/\W*%$/, "").replace(/\W+(?=\w)/, "-")}-${learningRate.toExponential()}-${seed}`;
}

/** NanoAdam keeps the density that it begins with, as in the paper's runs. */
const nanoadam = (density: number, learningRates: readonly number[]): Contestant => ({
  name: `nanoadam ${100 * density} %`,
  options: { optimizer: "nanoadam", density, finalDensity: density },
  learningRates,
});

const plain = (optimizer: "adamw" | "microadam" | "sgd", learningRates: readonly number[]): Contestant => ({
  name: optimizer,
  options: { optimizer },
  learningRates,
});

/**
 * @param shared the folder with `data`
 * @param out where files are written that the studies read
 */
export function studies(shared: string, out: string): Study[] {
  return [...[20, 56].map((depth) => imageStudy(shared, out, depth)), textStudy(shared, out)];
}

/** Images of each class of the flowers that are learned, and others that are measured. */
const ofClass = { learnedOfClass: 200, measuredOfClass: 100 };

function imageStudy(shared: string, out: string, depth: number): Study {
  const flowers = flowerTables(join(shared, "data/flowers5/flowers"), out, ofClass);
  return {
    name: `cifar-resnet${depth}`,
    description: `A ResNet-${depth} that was trained on CIFAR-10 (task 1 is the training that the checkpoint comes with, measured by its own head) learns five kinds of flowers at 32 x 32 pixels: 1,000 images, 10 epochs in batches of 32, a constant rate, a mask every 100 steps; 500 other images and 2,000 of CIFAR-10 are measured.`,
    input: {
      model: join(shared, `data/models/cifar-resnet${depth}`),
      tasks: [
        { name: "cifar10", train: join(shared, "data/cifar10/test_2000.bin"), epochs: 0 },
        { name: "flowers", ...flowers, epochs: 10 },
      ],
      batchSize: 32,
      schedule: "constant",
      maskInterval: 100,
      evalEvery: 1_000_000,
      threads: 1,
    },
    // The deeper one takes three times as long, so it has no rates that the smaller one has shown to be too low or too high.
    contestants: [
      nanoadam(0.001, [...(depth === 20 ? [3e-4] : []), 1e-3, 3e-3, 1e-2]),
      nanoadam(0.01, [...(depth === 20 ? [3e-4] : []), 1e-3, 3e-3, 1e-2]),
      nanoadam(0.1, [3e-4, 1e-3, 3e-3]),
      plain("adamw", [1e-4, 3e-4, 1e-3, ...(depth === 20 ? [3e-3] : [])]),
      plain("microadam", [3e-4, 1e-3, 3e-3]),
      plain("sgd", [3e-3, 1e-2, 3e-2]),
    ],
    first: "cifar10",
    second: { task: "flowers", metric: "accuracy" },
  };
}

function textStudy(shared: string, out: string): Study {
  const glue = (task: string) => ({
    name: task,
    train: join(shared, `data/glue/${task}/train.tsv`),
    eval: join(shared, `data/glue/${task}/validation.tsv`),
    text: "sentence",
    label: "label",
    task: "classification" as const,
  });
  mkdirSync(out, { recursive: true });
  return {
    name: "minibert",
    description:
      "minibert (BERT, 4 layers, 256 wide) learns SST-2 (4,000 rows, 1 epoch), then CoLA (4,000 rows, 2 epochs), both at the same rate, in batches of 32 with linear decay; SST-2 is measured again with its own head, and the loss of hidden words on 300 film reviews with the head of the pretraining, before and after each.",
    input: {
      model: join(shared, "data/models/minibert"),
      tasks: [
        {
          ...{ name: "hidden words", train: join(shared, "data/imdb/test.jsonl"), text: "text", limitEval: 300 },
          ...{ task: "masked-lm", epochs: 0 },
        },
        { ...glue("sst2"), limitTrain: 4000, epochs: 1 },
        { ...glue("cola"), limitTrain: 4000, epochs: 2 },
      ],
      return: true,
      batchSize: 32,
      maxLength: 64,
      evalEvery: 1_000_000,
      threads: 1,
    },
    contestants: [
      nanoadam(0.001, [3e-3, 1e-2, 3e-2]),
      nanoadam(0.01, [3e-3, 1e-2, 3e-2]),
      nanoadam(0.1, [1e-3, 3e-3, 1e-2]),
      plain("adamw", [1e-4, 3e-4, 1e-3]),
      plain("microadam", [1e-4, 3e-4, 1e-3]),
      plain("sgd", [1e-2, 3e-2, 1e-1]),
    ],
    first: "sst2",
    second: { task: "cola", metric: "matthews" },
  };
}
