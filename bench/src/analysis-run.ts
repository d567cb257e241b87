/**
 * A process that fine-tunes with `analyze` after some of its steps: `analysis-run.js OPTIONS` takes finetune's options as JSON and prints
 * figures. A step that follows a look has the look in its time, beside a step's own.
 */
import { type FinetuneInput, finetune, type TrainingObserver } from "nanoadam";

export interface AnalysisRunFigures {
  /** Of a step, and of a look, in milliseconds: medians, by the clock and of the processor. */
  readonly step: Figures;
  readonly look: Figures;
  readonly peakRssBytes: number;
}

export interface Figures {
  readonly wall: number;
  readonly processor: number;
}

const steps = 14;
/** The first looks and steps compile. */
const looksAfter = [2, 6, 8, 10, 12];
const firstMeasured = 4;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export async function analysisRun(input: FinetuneInput): Promise<AnalysisRunFigures> {
  const [plain, withLook]: [Figures[], Figures[]] = [[], []];
  let before: Figures | undefined;
  const observer: TrainingObserver = {
    onStep({ step }) {
      const { user, system } = process.cpuUsage();
      const now = { wall: performance.now(), processor: (user + system) / 1000 };
      if (before !== undefined && step > firstMeasured) {
        const took = { wall: now.wall - before.wall, processor: now.processor - before.processor };
        (looksAfter.includes(step - 1) ? withLook : plain).push(took);
      }
      before = now;
    },
  };
  const isSeen = input.analyze === true;
  const { peakRssBytes } = await finetune(
    { ...input, steps, evalEvery: 1000, ...(isSeen ? { at: looksAfter } : {}) },
    { observers: [observer] },
  );
  const of = (figures: readonly Figures[], kind: keyof Figures) => median(figures.map((each) => each[kind]));
  const step = { wall: of(plain, "wall"), processor: of(plain, "processor") };
  return {
    step,
    look: {
      wall: of(withLook, "wall") - step.wall,
      processor: of(withLook, "processor") - step.processor,
    },
    peakRssBytes,
  };
}

process.stdout.write(JSON.stringify(await analysisRun(JSON.parse(process.argv[2] ?? "{}") as FinetuneInput)));
