/**
 * Measured bounds of sampled products, kept in a file: which way a gradient is computed decides the order of its sums, so
 * runs on one machine go by one measurement, but for first runs that measure at the same time. No trouble with the file ends a run; then the bounds are measured anew.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ProductSizes } from "@nanoadam/engine/node";
import { readJsonObject } from "../files/read-json.js";
import { writeFileAtomically } from "../files/write-file.js";

/** What a measurement holds for. */
export interface MeasuredMachine {
  /** The processor's model. */
  readonly processor: string;
  readonly threads: number;
  /** This package's version. */
  readonly version: string;
}

export interface BoundCacheOptions {
  readonly machine: MeasuredMachine;
  /** Where the file is. @throws Error where there is no such folder: then nothing is kept. */
  readonly folder: () => string;
  /** Bounds for sizes, in their order. */
  readonly measure: (sizes: readonly ProductSizes[]) => Promise<readonly number[]>;
}

/** The bounds for `sizes`, in their order: as the file in `folder` has them; those that it lacks are measured and added to it. */
export async function rememberedBounds(
  sizes: readonly ProductSizes[],
  { machine, folder, measure }: BoundCacheOptions,
): Promise<number[]> {
  const keyOf = (each: ProductSizes) => boundKey(machine, each);
  const known = await readBounds(folder);
  const missing = sizes.filter((each) => !known.has(keyOf(each)));
  if (missing.length > 0) {
    const measured = await measure(missing);
    for (const [index, each] of missing.entries()) known.set(keyOf(each), measured[index] ?? 0);
    // Another run may have measured the same meanwhile; who was first is right, for both.
    for (const [key, bound] of await readBounds(folder)) known.set(key, bound);
    await writeBounds(folder, known);
  }
  return sizes.map((each) => known.get(keyOf(each)) ?? 0);
}

const fileName = "sampled-bounds.json";

function boundKey({ processor, threads, version }: MeasuredMachine, { tokens, rows, columns }: ProductSizes): string {
  return `${processor}, ${threads} threads, nanoadam ${version}: ${rows} x ${columns} from ${tokens} tokens`;
}

/** The bounds that the file has; none where it cannot be read. */
async function readBounds(folder: () => string): Promise<Map<string, number>> {
  try {
    const content = (await readJsonObject(join(folder(), fileName))) ?? {};
    return new Map(Object.entries(content).filter((entry): entry is [string, number] => isBound(entry[1])));
  } catch {
    return new Map();
  }
}

const isBound = (value: unknown) => typeof value === "number" && value >= 0 && value <= 1;

async function writeBounds(folder: () => string, bounds: ReadonlyMap<string, number>): Promise<void> {
  try {
    await mkdir(folder(), { recursive: true });
    const content = JSON.stringify(Object.fromEntries(bounds), null, 2);
    await writeFileAtomically(join(folder(), fileName), `${content}\n`);
  } catch {
    // The next run measures again.
  }
}
