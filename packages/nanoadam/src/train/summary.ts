import { readFileSync } from "node:fs";
import type { Optimizer } from "@nanoadam/optim";
import { addProduct } from "../hub/low-rank-product.js";
import { initialValues, type Pretrained } from "../hub/pretrained.js";
import { adapterNames } from "../models/lora.js";
import type { Evaluation } from "./evaluate.js";
import { intervals } from "./optimizer.js";
import type { FinetuneOptions } from "./options.js";
import type { Plan } from "./plan.js";
import { loraSettings, type PreparedRun } from "./prepare.js";

/** A number of parameters, and its share of all. */
export interface CountAndShare {
  readonly count: number;
  readonly share: number;
}

export interface ParameterCounts {
  readonly total: number;
  /** Entries that the optimizer's selections hold now; 0 for a dense optimizer. */
  readonly selected: CountAndShare;
  /** Entries of the tensors that are updated whole. */
  readonly dense: CountAndShare;
}

/** What a run was and what came of it: the content of summary.json. */
export interface RunSummary {
  readonly model: { readonly source: string; readonly architecture: string; readonly type: unknown };
  readonly task: string;
  readonly optimizer: string;
  readonly parameters: ParameterCounts & {
    /** Entries that differ from the checkpoint, or from their initialisation. */
    readonly everChanged: CountAndShare;
    /**
     * The l2 norm of what a tensor moved by, an adapter's product included, as a mean over the tensors that came from the
     * checkpoint; 0 without any.
     */
    readonly meanShift: number;
  };
  readonly initialised: readonly string[];
  readonly unused: readonly string[];
  readonly examples: { readonly train: number; readonly evaluation: number; readonly truncated: number };
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly wallSeconds: number;
  /** Median over the run's steps. */
  readonly stepMilliseconds: number;
  readonly peakRssBytes: number;
  readonly optimizerStateBytes: number;
  readonly evaluation: { readonly before: Evaluation; readonly final: Evaluation };
  readonly stopped?: { readonly step: number; readonly reason: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly configuration: Readonly<Record<string, unknown>>;
}

/** What the optimizer holds of the model's parameters. */
export function countParameters({ model, weights }: Pretrained, optimizer: Optimizer): ParameterCounts {
  let [total, selected, dense] = [0, 0, 0];
  for (const { name } of model.parameters) {
    const need = optimizer.need(name);
    const size = weights.get(name)?.length ?? 0;
    total += size;
    if (need.kind === "entries") selected += need.selection.count;
    if (need.kind === "whole") dense += size;
  }
  const share = (count: number): CountAndShare => ({ count, share: count / total });
  return { total, selected: share(selected), dense: share(dense) };
}

/** Entries that differ from what the run started from, and how far the checkpoint's tensors moved on average. */
async function measureChange(
  { checkpoint, pretrained }: PreparedRun,
  options: FinetuneOptions,
): Promise<{ readonly changed: number; readonly meanShift: number }> {
  let changed = 0;
  let shifts = 0;
  for (const parameter of pretrained.model.parameters) {
    const values = pretrained.weights.get(parameter.name) ?? new Float32Array();
    const source = pretrained.sources.get(parameter.name);
    const before =
      source === undefined
        ? initialValues(pretrained.model, parameter, options.seed)
        : await checkpoint.readFloat32(source.name);
    const effective = withAdapterProduct(parameter.name, pretrained, options);
    let squares = 0;
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== before[i]) changed++;
      squares += ((effective[i] as number) - (before[i] as number)) ** 2;
    }
    if (source !== undefined) shifts += Math.sqrt(squares);
  }
  return { changed, meanShift: shifts / Math.max(1, pretrained.sources.size) };
}

/** A parameter as the model uses it: where its layer has an adapter, the product of A and B is added to a copy. */
function withAdapterProduct(name: string, { model, weights }: Pretrained, options: FinetuneOptions): Float32Array {
  const values = weights.get(name) ?? new Float32Array();
  const names = adapterNames(name.replace(/\.weight$/, ""));
  const [down, up] = [weights.get(names.a), weights.get(names.b)];
  const lora = loraSettings(model, options);
  if (lora === undefined || down === undefined || up === undefined) return values;
  const effective = values.slice();
  addProduct(effective, 0, { up, down, rank: lora.rank, scale: lora.alpha / lora.rank });
  return effective;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function packageFile(): PackageFile {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as PackageFile;
}

/** This package's version, and those of what a run's numbers depend on. */
export function versions(): Record<string, string> {
  const { version, dependencies } = packageFile();
  return { nanoadam: version, node: process.versions.node, ...dependencies };
}

export interface SummaryInputs {
  readonly options: FinetuneOptions;
  readonly run: PreparedRun;
  readonly plan: Plan;
  readonly learningRate: number;
  readonly optimizer: Optimizer;
  readonly evaluation: RunSummary["evaluation"];
  readonly wallSeconds: number;
  readonly stepMilliseconds: readonly number[];
  readonly stopped: RunSummary["stopped"];
}

export async function summarise(inputs: SummaryInputs): Promise<RunSummary> {
  const { options, run, plan, optimizer } = inputs;
  const { pretrained } = run;
  const counts = countParameters(pretrained, optimizer);
  const { changed, meanShift } = await measureChange(run, options);
  return {
    model: {
      source: options.model,
      architecture: pretrained.model.architecture,
      type: run.checkpoint.config.model_type,
    },
    task: options.task,
    optimizer: options.optimizer,
    parameters: { ...counts, everChanged: { count: changed, share: changed / counts.total }, meanShift },
    initialised: pretrained.initialised,
    unused: pretrained.unused,
    examples: { train: run.train.length, evaluation: run.evaluation.length, truncated: run.truncated },
    steps: optimizer.completedSteps,
    stepsPerEpoch: plan.stepsPerEpoch,
    wallSeconds: inputs.wallSeconds,
    stepMilliseconds: median(inputs.stepMilliseconds),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    optimizerStateBytes: optimizer.stateBytes(),
    evaluation: inputs.evaluation,
    ...(inputs.stopped === undefined ? {} : { stopped: inputs.stopped }),
    versions: versions(),
    seed: options.seed,
    configuration: {
      ...options,
      learningRate: inputs.learningRate,
      maxLength: run.maxLength,
      ...(options.optimizer === "nanoadam" ? intervals(options, plan) : {}),
    },
  };
}
