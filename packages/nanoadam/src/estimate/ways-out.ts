/** What makes a run smaller: other options, one by one and all together. */
import { formatBytes } from "../format.js";
import { type OptimizerName, selectsEntries } from "../options/optimizers.js";

/** The options that decide a run's memory, as far as they may be changed. */
export interface SizingOptions {
  readonly optimizer: OptimizerName;
  readonly batchSize: number;
  readonly checkpointing: "none" | "stage";
  readonly weights: string;
  readonly density: number;
  /** Whether linear layers and embeddings may be held in bfloat16. */
  readonly mayHoldBfloat16: boolean;
}

/** Options to change, and what the run then takes. */
export interface WayOut {
  readonly change: Readonly<Record<string, string | number>>;
  readonly peak: number;
}

/** Changes that come into question, the ones that cost least first. */
export function possibleChanges(options: SizingOptions): Record<string, string | number>[] {
  const { optimizer, batchSize, checkpointing, weights, density, mayHoldBfloat16 } = options;
  const changes: Record<string, string | number>[] = [];
  const selects = selectsEntries(optimizer);
  if (!selects) changes.push({ optimizer: "nanoadam" });
  if (selects && density > 0.01) changes.push({ density: 0.01 });
  if (batchSize > 1) changes.push({ batchSize: Math.ceil(batchSize / 2), accumulate: 2 });
  if (checkpointing === "none") changes.push({ checkpointing: "stage" });
  if (weights !== "bfloat16" && mayHoldBfloat16) changes.push({ weights: "bfloat16" });
  return changes;
}

/**
 * What each change makes of the peak, the largest saving first, and all of them together at the end, with batches of one.
 * @param peakWith the peak with some options changed
 */
export async function waysOut(
  options: SizingOptions,
  peak: number,
  peakWith: (change: WayOut["change"]) => Promise<number>,
): Promise<WayOut[]> {
  const ways: WayOut[] = [];
  for (const change of possibleChanges(options)) ways.push({ change, peak: await peakWith(change) });
  const useful = ways.filter((way) => way.peak < 0.97 * peak).toSorted((a, b) => a.peak - b.peak);
  if (useful.length < 2) return useful;
  const together = Object.assign({}, ...useful.map(({ change }) => change)) as Record<string, string | number>;
  if ("batchSize" in together) Object.assign(together, { batchSize: 1, accumulate: options.batchSize });
  if ("optimizer" in together) Object.assign(together, { density: 0.01 });
  return [...useful, { change: together, peak: await peakWith(together) }];
}

/** "`checkpointing` stage (1.2 GB)". */
export function describeWay({ change, peak }: WayOut): string {
  const options = Object.entries(change).map(([option, value]) => `\`${option}\` ${value}`);
  return `${options.join(" ")} (${formatBytes(peak)})`;
}
