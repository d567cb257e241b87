/**
 * The loops of an analysis over every entry, in WebAssembly (assembly/magnitudes.ts): a look passes over all weights and gradients of a
 * model, in JavaScript for as long as a step takes. Entries are brought into the kernel's own memory a chunk at a time; the few on
 * which an exact measure may depend are listed there, and JavaScript looks at these alone.
 */
import { cellCount, cellRows, gradientBins, weightBins } from "./joint-histogram.js";
import { coarseBuckets } from "./magnitudes.js";
import { wasm } from "./magnitudes.wasm.js";

interface Exports {
  clear(): void;
  count(length: number, rows: number): number;
  list(length: number, weightBuckets: number, gradientBuckets: number, beyond: number): number;
  compare(length: number, lower: number, upper: number): void;
}

/** What is counted over entries. */
export interface Tables {
  /** Numbers by the upper 16 bits of their magnitudes. */
  readonly weights: Uint32Array;
  readonly gradient: Uint32Array;
  /** The greatest weight of each of the gradient's buckets, as bits. */
  readonly greatest: Uint32Array;
  /** Entries by the cells of a joint histogram. */
  readonly cells: Uint32Array;
}

export interface Counts extends Tables {
  /** The sum of all squared gradients. */
  readonly squares: number;
}

export function emptyTables(): Tables {
  const words = (length: number) => new Uint32Array(length);
  return {
    weights: words(coarseBuckets),
    gradient: words(coarseBuckets),
    greatest: words(coarseBuckets),
    cells: words(cellCount),
  };
}

/** Buckets of magnitudes whose entries are listed: a few, and all of gradients from one on. */
export interface Marks {
  readonly weights: ReadonlySet<number>;
  readonly gradient: ReadonlySet<number>;
  /** By default there are no others. */
  readonly gradientFrom?: number;
}

/** Entries of a tensor, as bits of magnitudes, in their order; weights that count as 0 are 0. Valid until the next call. */
export interface Listed {
  /** The entries' places, from that of the first of the chunk on. */
  readonly start: number;
  readonly places: Uint32Array;
  readonly weights: Uint32Array;
  readonly gradient: Uint32Array;
}

/**
 * How far entries moved, in sums: how many did, of squares, and by the magnitudes of what they began as, which are below a lower bound, at it,
 * and so on. Bounds that are one are the lower.
 */
export interface Moves {
  readonly changed: number;
  readonly squares: number;
  readonly small: number;
  readonly atLower: number;
  readonly middle: number;
  readonly atUpper: number;
  readonly large: number;
}

export const noMoves: Moves = { changed: 0, squares: 0, small: 0, atLower: 0, middle: 0, atUpper: 0, large: 0 };

/** The moves of two parts of a tensor. */
export function addMoves(a: Moves, b: Moves): Moves {
  return {
    changed: a.changed + b.changed,
    squares: a.squares + b.squares,
    small: a.small + b.small,
    atLower: a.atLower + b.atLower,
    middle: a.middle + b.middle,
    atUpper: a.atUpper + b.atUpper,
    large: a.large + b.large,
  };
}

const memoryPages = 23;
const chunkLength = 32_768;
/** Buckets that may be marked. */
const mostMarks = 64;

/** The memory, laid out as the kernel has it. */
function createKernel() {
  const module = new WebAssembly.Module(Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0)));
  const memory = new WebAssembly.Memory({ initial: memoryPages });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const { buffer } = memory;
  let end = 0;
  const reserve = (bytes: number): number => {
    const at = end;
    end += bytes;
    return at;
  };
  const words = (length: number) => new Uint32Array(buffer, reserve(4 * length), length);
  const marks = () => new Uint16Array(buffer, reserve(2 * mostMarks), mostMarks);
  const kernel = {
    exports: exports as unknown as Exports,
    first: new Float32Array(buffer, reserve(4 * chunkLength), chunkLength),
    second: new Float32Array(buffer, reserve(4 * chunkLength), chunkLength),
    weightBins: words(coarseBuckets),
    gradientBins: words(coarseBuckets),
    ofWeights: words(coarseBuckets),
    ofGradient: words(coarseBuckets),
    greatest: words(coarseBuckets),
    cells: words(1 << 14),
    weightMarks: marks(),
    gradientMarks: marks(),
    places: words(chunkLength),
    listedWeights: words(chunkLength),
    listedSlopes: words(chunkLength),
    /** In pairs. */
    sums: new Float64Array(buffer, reserve(8 * 14), 14),
  };
  kernel.weightBins.set(weightBins);
  kernel.gradientBins.set(gradientBins);
  return kernel;
}

let created: ReturnType<typeof createKernel> | undefined;

/** All share one, since each call is done before the next. */
function sharedKernel() {
  created ??= createKernel();
  return created;
}

/**
 * Counts the entries of a tensor.
 * @param tables where to, whatever they had
 */
export function countEntries(weights: Float32Array, gradient: Float32Array, tables = emptyTables()): Counts {
  const { exports, first, second, ofWeights, ofGradient, greatest, cells } = sharedKernel();
  exports.clear();
  let squares = 0;
  for (let start = 0; start < weights.length; start += chunkLength) {
    const chunk = weights.subarray(start, start + chunkLength);
    first.set(chunk);
    second.set(gradient.subarray(start, start + chunkLength));
    squares += exports.count(chunk.length, cellRows);
  }
  tables.weights.set(ofWeights);
  tables.gradient.set(ofGradient);
  tables.greatest.set(greatest);
  tables.cells.set(cells.subarray(0, cellCount));
  return { ...tables, squares };
}

/**
 * Hands out the entries whose weight or gradient is in a marked bucket, those of a chunk at a time.
 * @param gradient undefined where it is weights alone that are looked for
 */
export function listMarked(
  weights: Float32Array,
  gradient: Float32Array | undefined,
  { weights: ofWeights, gradient: ofGradient, gradientFrom = coarseBuckets }: Marks,
  take: (listed: Listed) => void,
): void {
  const { exports, first, second, weightMarks, gradientMarks, places, listedWeights, listedSlopes } = sharedKernel();
  weightMarks.set([...ofWeights]);
  gradientMarks.set([...ofGradient]);
  if (gradient === undefined) second.fill(0);
  for (let start = 0; start < weights.length; start += chunkLength) {
    const chunk = weights.subarray(start, start + chunkLength);
    first.set(chunk);
    if (gradient !== undefined) second.set(gradient.subarray(start, start + chunkLength));
    const count = exports.list(chunk.length, ofWeights.size, ofGradient.size, gradientFrom - 1);
    take({
      start,
      places: places.subarray(0, count),
      weights: listedWeights.subarray(0, count),
      gradient: listedSlopes.subarray(0, count),
    });
  }
}

/** Compares a tensor with what it began as, given the bits of two magnitudes. */
export function compareEntries(before: Float32Array, now: Float32Array, lower: number, upper: number): Moves {
  const { exports, first, second, sums } = sharedKernel();
  sums.fill(0);
  for (let start = 0; start < before.length; start += chunkLength) {
    const chunk = before.subarray(start, start + chunkLength);
    const length = Math.ceil(chunk.length / 32) * 32;
    first.set(chunk);
    second.set(now.subarray(start, start + chunkLength));
    // What fills up the last 32 has not moved.
    first.fill(0, chunk.length, length);
    second.fill(0, chunk.length, length);
    exports.compare(length, lower, upper);
  }
  const pairs = Array.from(
    { length: sums.length / 2 },
    (_, i) => (sums[2 * i] as number) + (sums[2 * i + 1] as number),
  );
  const [changed = 0, squares = 0, small = 0, atLower = 0, middle = 0, atUpper = 0, large = 0] = pairs;
  return { changed, squares, small, atLower, middle, atUpper, large };
}
