/**
 * The plan of a run's gradients: of each weight, the density up to which the selected entries are computed alone, and above
 * which they are taken from the whole product.
 */
import { cpus } from "node:os";
import { cpuRuntime, measureSampledBounds } from "@nanoadam/engine/node";
import type { Optimizer } from "@nanoadam/optim";
import { cacheFolder } from "../files/cache-folder.js";
import type { BatchShape, Model, ParameterSpecification } from "../models/model.js";
import { isSampled } from "../program/gradient-form.js";
import { versions } from "../recipes/versions.js";
import { rememberedBounds } from "./bound-cache.js";

export interface SampledBounds {
  /** By parameter name; a gradient of a parameter that is not in it is not sampled. */
  readonly byWeight: ReadonlyMap<string, number>;
  /** The same by size, as "768x768". */
  readonly bySize: Readonly<Record<string, number>>;
}

export interface SampledBoundsOptions {
  readonly model: Model;
  /** Prepared for its first step. */
  readonly optimizer: Optimizer;
  /** The bound of all weights, instead of a measurement. */
  readonly sampledBelow: number | undefined;
  readonly threads: number;
  readonly largestBatch: BatchShape;
}

/** Beyond so many tokens, bounds hardly change. */
const mostTokens = 1024;

/**
 * The bounds for the weights that an optimizer selects from, given or as measured on this machine, once for each size. Batches
 * count as the next lower power of two of their tokens: fewer tokens make lower bounds.
 */
export async function sampledBounds(options: SampledBoundsOptions): Promise<SampledBounds> {
  const { sampledBelow, threads, largestBatch } = options;
  const weights = selectedWeights(options);
  if (sampledBelow !== undefined) return boundsOf(weights, () => sampledBelow);
  const tokens = Math.min(mostTokens, 2 ** Math.floor(Math.log2(largestBatch.batchSize * largestBatch.length)));
  const sizes = [...new Map(weights.map((weight) => [weight.size, weight])).values()];
  const measured = await rememberedBounds(
    sizes.map(({ rows, columns }) => ({ tokens, rows, columns })),
    {
      machine: { processor: cpus()[0]?.model ?? "unknown processor", threads, version: versions().nanoadam },
      folder: cacheFolder,
      measure: (missing) => measureSampledBounds(missing, { threads, runtime: cpuRuntime }),
    },
  );
  const bySize = new Map(sizes.map(({ size }, index) => [size, measured[index] ?? 0]));
  return boundsOf(weights, ({ size }) => bySize.get(size) ?? 0);
}

/** Which weights' gradients are sampled, by what an optimizer needs now: a digit for each. */
export function samplingPlan({ byWeight }: SampledBounds, optimizer: Optimizer): string {
  let plan = "";
  byWeight.forEach((bound, name) => {
    plan += isSampled(optimizer.need(name), bound) ? "1" : "0";
  });
  return plan;
}

interface SelectedWeight {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** "rows x columns" in short. */
  readonly size: string;
}

function boundsOf(weights: readonly SelectedWeight[], boundOf: (weight: SelectedWeight) => number): SampledBounds {
  return {
    byWeight: new Map(weights.map((weight) => [weight.name, boundOf(weight)])),
    bySize: Object.fromEntries(weights.map((weight) => [weight.size, boundOf(weight)])),
  };
}

/** The weights that a selection is made from and whose gradients can come as factors. */
function selectedWeights({ model, optimizer }: SampledBoundsOptions): SelectedWeight[] {
  return model.parameters.flatMap((parameter) => {
    const { name, shape } = parameter;
    const [rows, columns, ...more] = shape;
    const need = optimizer.need(name);
    if (rows === undefined || columns === undefined || more.length > 0 || need.kind !== "entries") return [];
    if (!comesAsFactors(model, parameter)) return [];
    return [{ name, rows, columns, size: `${rows}x${columns}` }];
  });
}

/**
 * Whether a matrix belongs to a linear layer. Those of adapters do not. Embeddings are looked up, and belong to one only where
 * another stage uses them as well: a head that is tied to them.
 */
function comesAsFactors({ stages }: Model, { name, role }: ParameterSpecification): boolean {
  if (role !== "embedding") return role !== "adapter";
  return stages.filter(({ parameters }) => [...parameters.values()].includes(name)).length > 1;
}
