/** Looks at a run after chosen steps (`probe.ts`), and writes what it saw. Of the run itself it changes nothing. */
import { writeFile } from "node:fs/promises";
import type { Analysis, ProbeRecord } from "../analysis/analysis.js";
import { gradientAxis, weightAxis } from "../analysis/joint-histogram.js";
import { gradientShares, weightShares } from "../analysis/shares.js";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { writeFileAtomically } from "../files/write-file.js";
import { hasAdapter } from "../models/lora.js";
import { defaultPlaces } from "../options/analysis-options.js";
import type { EvaluationRecord, NoticeListener, RunPosition, StepRecord, TrainingObserver } from "../train/observer.js";
import type { Plan } from "../train/plan.js";
import type { PreparedRun } from "../train/prepare.js";
import type { SettledTraining } from "../train/settle.js";
import { lookAt, type ProbedRun } from "./probe.js";

export interface MicroscopeOptions extends Omit<ProbedRun, "bounds"> {
  readonly run: PreparedRun;
  readonly settled: Pick<SettledTraining, "learningRate">;
  readonly plan: Pick<Plan, "totalSteps" | "stepsPerEpoch">;
  readonly listener: NoticeListener;
}

/** What an analysis writes into a run's folder. */
export const analysisFiles = { figures: "analysis.json", page: "analysis.html" } as const;

export class Microscope implements TrainingObserver {
  readonly #options: MicroscopeOptions;
  readonly #steps: ReadonlySet<number>;
  readonly #probes: ProbeRecord[];
  readonly #changed: { readonly step: number; readonly share: number }[];
  readonly #bounds: ProbedRun["bounds"] = new Map();
  #lastStep: StepRecord | undefined;

  private constructor(options: MicroscopeOptions, soFar: Pick<Analysis, "probes" | "changed">) {
    this.#options = options;
    this.#steps = stepsToLookAt(options.options.analysis.at ?? defaultPlaces, options.plan.totalSteps);
    this.#probes = [...soFar.probes];
    this.#changed = [...soFar.changed];
  }

  /**
   * @param before a file with what was seen so far, of a run that goes on; there is none where it began without `analyze`
   * @throws InputError for steps that the run does not have, or where the file is damaged
   */
  static async open(options: MicroscopeOptions, before: string | undefined): Promise<Microscope> {
    const soFar = before === undefined ? undefined : await readJsonObject(before);
    if (soFar === undefined) return new Microscope(options, { probes: [], changed: [] });
    const { probes, changed } = soFar as unknown as Analysis;
    if (Array.isArray(probes) && Array.isArray(changed)) return new Microscope(options, { probes, changed });
    throw new InputError(`${before} is damaged: it is not what \`analyze\` had seen before the run was interrupted`);
  }

  /** Looks where the run begins, if that is wanted. */
  async begin(): Promise<void> {
    if (this.#steps.has(0)) await this.#probe(0);
  }

  onStep(record: StepRecord): void {
    this.#lastStep = record;
  }

  onEvaluation({ step, changedShare }: EvaluationRecord): void {
    if (changedShare !== undefined) this.#addChanged(step, changedShare);
  }

  async betweenSteps({ step }: Pick<RunPosition, "step">): Promise<void> {
    if (this.#steps.has(step)) await this.#probe(step);
  }

  /** Looks where a run ended that did not go to its last step. */
  async end(step: number): Promise<void> {
    if (this.#steps.has(this.#options.plan.totalSteps)) await this.#probe(step);
  }

  get analysis(): Analysis {
    const { options, settled, plan, run } = this.#options;
    const { density } = options.optimizer;
    return {
      format: 1,
      model: options.model.model,
      architecture: run.pretrained.model.architecture,
      fromScratch: options.model.fromScratch,
      task: run.task.name,
      optimizer: options.optimizer.optimizer,
      learningRate: settled.learningRate,
      totalSteps: plan.totalSteps,
      axes: { weight: weightAxis, gradient: gradientAxis },
      shares: { weights: weightShares, gradients: gradientShares },
      selection: { density },
      probes: this.#probes,
      changed: this.#changed,
    };
  }

  /** Keeps what was seen so far in a file. */
  async copyTo(path: string): Promise<void> {
    await writeFileAtomically(path, `${JSON.stringify(this.analysis)}\n`);
  }

  /** Writes the figures, and the page about them. */
  async write(pathOf: (file: string) => string, title: string): Promise<void> {
    await this.copyTo(pathOf(analysisFiles.figures));
    // What draws is only loaded where something is to be drawn.
    const { analysisHtml } = await import("../watch/analysis-page.js");
    await writeFile(pathOf(analysisFiles.page), analysisHtml(this.analysis, title));
  }

  /** Numbers that are not finite any more are told, and the run goes its way. */
  async #probe(step: number): Promise<void> {
    if (this.#probes.some((probe) => probe.step === step)) return;
    const { plan, listener, run } = this.#options;
    const started = performance.now();
    try {
      const look = await lookAt({ ...this.#options, bounds: this.#bounds }, this.#lastStep?.learningRate);
      const seconds = (performance.now() - started) / 1000;
      this.#probes.push({ step, epoch: step / plan.stepsPerEpoch, seconds, ...look });
      if (!hasAdapter(run.pretrained.model)) this.#addChanged(step, changedShare(look, run));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      listener.onNotice?.(`nothing was measured after step ${step}: ${error.message}`);
    }
  }

  #addChanged(step: number, share: number): void {
    if (!this.#changed.some((each) => each.step === step)) this.#changed.push({ step, share });
  }
}

/** The share of all weights that differ from what they began as. */
function changedShare({ tensors }: Pick<ProbeRecord, "tensors">, { pretrained }: PreparedRun): number {
  const all = [...pretrained.weights.values()].reduce((sum, values) => sum + values.length, 0);
  return tensors.reduce((sum, { change, entries }) => sum + change.changed * entries, 0) / all;
}

/**
 * The steps that places of a run are: numbers of steps as they are, percentages rounded.
 * @throws InputError for a step that the run does not have
 */
export function stepsToLookAt(places: readonly string[], totalSteps: number): ReadonlySet<number> {
  return new Set(
    places.map((place) => {
      const value = Number.parseFloat(place);
      const step = place.endsWith("%") ? Math.round((value / 100) * totalSteps) : value;
      if (step > totalSteps) throw new InputError(`\`at\` has ${place}, but the run has ${totalSteps} steps`);
      return step;
    }),
  );
}
