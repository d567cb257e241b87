/** `learningRate: "auto"`: some rates around the default, each for a part of the run, and the one that got furthest. */
import { restoreStart } from "../checkpoint/pretrained.js";
import { subset } from "../data/dataset.js";
import { splitHeldOut } from "../data/split.js";
import type { StopSignal } from "../train/loop.js";
import type { RateTrial, TrainingObserver } from "../train/observer.js";
import { type Plan, planRun } from "../train/plan.js";
import type { PreparedRun } from "../train/prepare.js";
import type { SettledTraining } from "../train/settle.js";
import type { TrainingSession } from "./training-session.js";

/** Neighbouring rates that are tried differ by this factor. */
const factor = 3;
const mostTrials = 5;

/**
 * Searches from a rate to both sides for the one with the lowest loss, further where the best is at an end, five at most.
 * @param lossAt the loss that a rate leads to; not finite where it diverges
 */
export async function searchRate(
  start: number,
  lossAt: (learningRate: number) => Promise<number>,
): Promise<{ readonly learningRate: number; readonly trials: readonly RateTrial[] }> {
  const trials: RateTrial[] = [];
  const tryRate = async (place: number) => {
    const learningRate = Number((start * factor ** place).toPrecision(2));
    const loss = await lossAt(learningRate);
    trials.push({ learningRate, loss });
    return { place, learningRate, loss: Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY };
  };
  const tried = [await tryRate(0), await tryRate(1), await tryRate(-1)];
  const bestOf = () => tried.reduce((best, each) => (each.loss < best.loss ? each : best));
  while (tried.length < mostTrials) {
    const { place } = bestOf();
    const next = [place - 1, place + 1].find((near) => !tried.some((each) => each.place === near));
    if (next === undefined) break;
    tried.push(await tryRate(next));
  }
  return { learningRate: bestOf().learningRate, trials };
}

/** A rate is tried on this part of the run's steps, but for so many at least and at most. */
const triedPart = 1 / 4;
const [fewestSteps, mostSteps] = [40, 200];
/** The part of the training data that trials are measured on: the evaluation data have no say. */
const measuredShare = 0.2;

/**
 * Tries learning rates from the weights that the run starts with, which are as they were afterwards.
 * @throws InputError where there are too few examples to hold some out.
 */
export async function chooseLearningRate(
  session: TrainingSession,
  run: PreparedRun,
  settled: SettledTraining,
  plan: Plan,
  { observer, signal }: { readonly observer: TrainingObserver; readonly signal: StopSignal | undefined },
): Promise<{ readonly learningRate: number; readonly trials: readonly RateTrial[] }> {
  const { train, heldOut } = splitHeldOut(run.train, measuredShare, settled.seed);
  const [learned, measured] = [subset(run.train, train), subset(run.train, heldOut)];
  const steps = Math.min(mostSteps, Math.max(fewestSteps, Math.round(plan.totalSteps * triedPart)));
  const short = { ...planRun({ ...settled, steps }, learned.length), evaluateEvery: Number.POSITIVE_INFINITY };
  return searchRate(settled.learningRate, async (learningRate) => {
    session.startOptimizer(short);
    const evaluate = () => session.evaluate(measured);
    const { stopped } = await session.takeSteps({
      dataset: learned,
      plan: short,
      learningRate,
      observers: [],
      signal,
      evaluate: async () => ({ eval: await evaluate() }),
    });
    const loss = stopped === undefined ? (await evaluate()).loss : Number.NaN;
    await restoreStart(run.pretrained, run.checkpoint, settled.seed);
    observer.onRateTried?.({ learningRate, loss });
    return loss;
  });
}
