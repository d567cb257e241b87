/** What is tried: NanoAdam as it is and AdamW, each at every rate, and variations of NanoAdam at its best. */
import type { FinetuneInput } from "nanoadam";
import { type QualityTask, qualityTasks } from "./tasks.js";

export interface Contestant {
  /** As on the page. */
  readonly name: string;
  readonly options: Partial<FinetuneInput>;
}

export const baseline: Contestant = { name: "nanoadam", options: { optimizer: "nanoadam" } };
export const adamw: Contestant = { name: "adamw", options: { optimizer: "adamw" } };

const nanoadam = (name: string, options: Partial<FinetuneInput>): Contestant => ({
  name,
  options: { ...baseline.options, ...options },
});

const variations: readonly Contestant[] = [
  nanoadam("--dense-learning-rate 0.3", { denseLearningRate: 0.3 }),
  nanoadam("--dense-learning-rate 0.1", { denseLearningRate: 0.1 }),
  nanoadam("--bias-correction entry", { biasCorrection: "entry" }),
  nanoadam("--entering-moment mean", { enteringMoment: "mean" }),
  nanoadam("--entry-warmup 10", { entryWarmup: 10 }),
  nanoadam("--warmup 0.1", { warmup: 0.1 }),
  nanoadam("--density-schedule constant", { densitySchedule: "constant" }),
  nanoadam("--density-schedule cosine", { densitySchedule: "cosine" }),
  nanoadam("--density 0.04 --final-density 0.1 --density-schedule linear", {
    ...{ density: 0.04, finalDensity: 0.1, densitySchedule: "linear" },
  }),
  nanoadam("--criterion small-in-row", { criterion: "small-in-row" }),
  nanoadam("--criterion small-in-column", { criterion: "small-in-column" }),
  nanoadam("--sampling random", { sampling: "random" }),
  nanoadam("--share-by size", { shareBy: "size" }),
  nanoadam("--share-by gradient", { shareBy: "gradient" }),
];

/** All that NanoAdam as it is is compared with. */
export const compared: readonly Contestant[] = [adamw, ...variations];

/** One run. */
export interface Cell {
  readonly task: QualityTask;
  readonly contestant: Contestant;
  readonly learningRate: number;
  readonly seed: number;
}

/** The two that are compared at every rate, seed by seed. */
export function rateCells(seeds: number): Cell[] {
  const at = (task: QualityTask, contestant: Contestant, rates: readonly number[], seed: number) =>
    rates.map((learningRate) => ({ task, contestant, learningRate, seed }));
  return seedsTo(seeds).flatMap((seed) =>
    qualityTasks.flatMap((task) => [
      ...at(task, baseline, task.rates.nanoadam, seed),
      ...at(task, adamw, task.rates.adamw, seed),
    ]),
  );
}

/** Every contestant at its best rate, seed by seed, so that the first say something early. */
export function contestantCells(seeds: number): Cell[] {
  return seedsTo(seeds).flatMap((seed) =>
    [baseline, ...compared].flatMap((contestant) =>
      qualityTasks.map((task) => ({ task, contestant, learningRate: bestRate(task, contestant.name), seed })),
    ),
  );
}

/** Variations of NanoAdam run at its own. */
export function bestRate({ best }: QualityTask, contestant: string): number {
  return contestant === adamw.name ? best.adamw : best.nanoadam;
}

const seedsTo = (count: number) => Array.from({ length: count }, (_, seed) => seed);
