/** Pairs of runs among those of `docs/optimizers.json` (comparison.md): longer ones, with a larger model and more data. */
import { type Estimate, estimateOf } from "./figures.js";

export interface EarlierTask {
  readonly name: string;
  readonly metric: string;
  /** NanoAdam's bias correction by entry less that by the step, at every rate and seed that both ran with. */
  readonly byEntry: Estimate;
  /** AdamW less NanoAdam, each at its best rate. */
  readonly adamw: Estimate;
}

/** What the file has of a comparison. */
export interface EarlierComparison {
  readonly task: string;
  readonly metric: { readonly name: string };
  readonly configuration: { readonly biasCorrection?: string };
  readonly runs: readonly Run[];
  readonly optimizers: readonly { readonly optimizer: string; readonly best?: { readonly learningRate: number } }[];
}

interface Run {
  readonly optimizer: string;
  readonly learningRate: number;
  readonly seed: number;
  readonly final: Readonly<Record<string, number>>;
}

/** The tasks that were run with both bias corrections. */
export function earlierTasks(comparisons: readonly EarlierComparison[]): EarlierTask[] {
  const isByEntry = ({ configuration }: EarlierComparison) => configuration.biasCorrection === "entry";
  return comparisons
    .filter((each) => !isByEntry(each))
    .flatMap((byStep) => {
      const byEntry = comparisons.find((each) => each.task === byStep.task && isByEntry(each));
      if (byEntry === undefined) return [];
      const { name } = byStep.metric;
      const nanoadam = runsOf(byStep, "nanoadam");
      const isSame = (a: Run, b: Run) => a.seed === b.seed && a.learningRate === b.learningRate;
      return {
        ...{ name: byStep.task, metric: name },
        byEntry: estimateOf(gaps(runsOf(byEntry, "nanoadam"), nanoadam, isSame, name)),
        adamw: estimateOf(gaps(bestOf(byStep, "adamw"), bestOf(byStep, "nanoadam"), (a, b) => a.seed === b.seed, name)),
      };
    });
}

const runsOf = ({ runs }: EarlierComparison, optimizer: string) => runs.filter((run) => run.optimizer === optimizer);

function bestOf(comparison: EarlierComparison, optimizer: string): Run[] {
  const rate = comparison.optimizers.find((each) => each.optimizer === optimizer)?.best?.learningRate;
  return runsOf(comparison, optimizer).filter(({ learningRate }) => learningRate === rate);
}

/** What runs are ahead of others by, of those that belong together, in points. */
function gaps(
  runs: readonly Run[],
  others: readonly Run[],
  belong: (run: Run, other: Run) => boolean,
  metric: string,
): number[] {
  const pointsOf = ({ final }: Run) => 100 * (final[metric] ?? Number.NaN);
  return runs.flatMap((run) =>
    others.filter((other) => belong(run, other)).map((other) => pointsOf(run) - pointsOf(other)),
  );
}
