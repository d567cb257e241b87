/**
 * The loops of an analysis over every entry, in AssemblyScript: see src/analysis/magnitude-kernel.ts. Everything lies at fixed addresses
 * of a memory of its own, which that file has too. Entries come a chunk at a time, as float32 bits.
 */

const longestChunk: usize = 32_768;
/** Magnitudes by their upper 16 bits, the sign left out. */
const buckets: usize = 32_768;

/** Weights, and their gradients; or what weights began as, and what they are. */
const first: usize = 0;
const second: usize = first + 4 * longestChunk;
/** Of each bucket a number that has, with a magnitude's lower 16 bits added, its bin from bit 17 on. */
const weightBins: usize = second + 4 * longestChunk;
const gradientBins: usize = weightBins + 4 * buckets;
/** What is counted, in 32 bits each. */
const ofWeights: usize = gradientBins + 4 * buckets;
const ofGradient: usize = ofWeights + 4 * buckets;
const greatest: usize = ofGradient + 4 * buckets;
const cells: usize = greatest + 4 * buckets;
const counted: usize = 12 * buckets + 65_536;
/** A byte for each bucket: 1 where its entries are listed. */
const weightMarks: usize = ofWeights + counted;
const gradientMarks: usize = weightMarks + buckets;
/** What is listed: places in the chunk, and magnitudes. */
const places: usize = gradientMarks + buckets;
const listedWeights: usize = places + 4 * longestChunk;
const listedSlopes: usize = listedWeights + 4 * longestChunk;
/** In 64 bits each: entries that changed, squares, and the changes of the small, the lower bound, the middle, the upper bound, and the large. */
const sums: usize = listedSlopes + 4 * longestChunk;

const magnitudeMask: u32 = 0x7fffffff;
/** Magnitudes below are 0 to an analysis. */
const leastMagnitude: u32 = 0x10000;

function magnitudeAt(at: usize): u32 {
  return load<u32>(at) & magnitudeMask;
}

function countIn(table: usize, place: usize): void {
  store<u32>(table + place, load<u32>(table + place) + 1);
}

/** Forgets what was counted. */
export function clear(): void {
  memory.fill(ofWeights, 0, counted);
}

/**
 * Counts entries by the buckets of weight and gradient, and by the cell of both; a column of cells has `rows`.
 *
 * @returns the sum of squared gradients
 */
export function count(length: usize, rows: u32): f64 {
  let squares: f64 = 0;
  for (let at: usize = 0; at < 4 * length; at += 4) {
    const weight = magnitudeAt(first + at);
    const slope = magnitudeAt(second + at);
    const weightBucket = ((weight >>> 16) as usize) << 2;
    const gradientBucket = ((slope >>> 16) as usize) << 2;
    countIn(ofWeights, weightBucket);
    countIn(ofGradient, gradientBucket);
    if (weight > load<u32>(greatest + gradientBucket)) store<u32>(greatest + gradientBucket, weight);
    const weightBin = load<u32>(weightBins + weightBucket);
    const gradientBin = load<u32>(gradientBins + gradientBucket);
    const column = (weightBin + (weight & 0xffff)) >>> 17;
    const row = (gradientBin + (slope & 0xffff)) >>> 17;
    const cell = column * rows + row;
    countIn(cells, (cell as usize) << 2);
    const value = load<f32>(second + at) as f64;
    squares += value * value;
  }
  return squares;
}

/** Lists the entries whose weight or gradient is in a marked bucket, which are few; returns how many. */
export function list(length: usize): u32 {
  let to: usize = 0;
  for (let at: usize = 0; at < 4 * length; at += 4) {
    const weight = magnitudeAt(first + at);
    const slope = magnitudeAt(second + at);
    const isMarked =
      load<u8>(weightMarks + ((weight >>> 16) as usize)) | load<u8>(gradientMarks + ((slope >>> 16) as usize));
    if (isMarked) {
      store<u32>(places + to, (at >>> 2) as u32);
      store<u32>(listedWeights + to, select(0, weight, weight < leastMagnitude));
      store<u32>(listedSlopes + to, slope);
      to += 4;
    }
  }
  return (to >>> 2) as u32;
}

/** Adds up how far entries moved, a multiple of four of them, by the bits of what they began as. */
export function compare(length: usize, lower: u32, upper: u32): void {
  const mask = i32x4.splat(magnitudeMask);
  const lowers = i32x4.splat(lower);
  const uppers = i32x4.splat(upper);
  const zero = f64x2.splat(0);
  let changed = i32x4.splat(0);
  let squares = zero;
  let small = zero;
  let atLower = zero;
  let middle = zero;
  let atUpper = zero;
  let large = zero;
  for (let at: usize = 0; at < 4 * length; at += 4 * 4) {
    const before = v128.load(first + at);
    const magnitude = v128.and(before, mask);
    const moved = f32x4.abs(f32x4.sub(v128.load(second + at), before));
    const isMoved = f32x4.ne(moved, zero);
    if (!v128.any_true(isMoved)) continue;
    changed = i32x4.sub(changed, isMoved);
    const isAtLower = i32x4.eq(magnitude, lowers);
    const isAtUpper = i32x4.eq(magnitude, uppers);
    const isMiddle = v128.and(i32x4.gt_s(magnitude, lowers), i32x4.lt_s(magnitude, uppers));
    squares = f64x2.add(squares, squaresOf(moved));
    small = f64x2.add(small, pairsOf(v128.and(moved, i32x4.lt_s(magnitude, lowers))));
    atLower = f64x2.add(atLower, pairsOf(v128.and(moved, isAtLower)));
    middle = f64x2.add(middle, pairsOf(v128.and(moved, isMiddle)));
    atUpper = f64x2.add(atUpper, pairsOf(v128.andnot(v128.and(moved, isAtUpper), isAtLower)));
    large = f64x2.add(large, pairsOf(v128.and(moved, i32x4.gt_s(magnitude, uppers))));
  }
  const pairs = i64x2.add(i64x2.extend_low_i32x4_u(changed), i64x2.extend_high_i32x4_u(changed));
  const changes = (i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1)) as f64;
  store<f64>(sums, load<f64>(sums) + changes);
  addTo(1, squares);
  addTo(2, small);
  addTo(3, atLower);
  addTo(4, middle);
  addTo(5, atUpper);
  addTo(6, large);
}

/** Four numbers as two sums of two. */
function pairsOf(values: v128): v128 {
  return f64x2.add(lowOf(values), highOf(values));
}

function squaresOf(values: v128): v128 {
  const low = lowOf(values);
  const high = highOf(values);
  return f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high));
}

function lowOf(values: v128): v128 {
  return f64x2.promote_low_f32x4(values);
}

function highOf(values: v128): v128 {
  return f64x2.promote_low_f32x4(i32x4.shuffle(values, values, 2, 3, 2, 3));
}

function addTo(place: usize, pair: v128): void {
  const at = sums + (place << 3);
  store<f64>(at, load<f64>(at) + f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1));
}
