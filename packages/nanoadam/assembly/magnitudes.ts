/**
 * The loops of an analysis over every entry, in AssemblyScript: see src/analysis/magnitude-kernel.ts. Everything lies at fixed addresses
 * of a memory of its own, which that file has too. Entries come a chunk at a time, as float32 bits.
 */

const longestChunk: usize = 32_768;
/** Magnitudes by their upper 16 bits, the sign left out. */
const buckets: usize = 32_768;
const lastBucket: i32 = 32_767;
/** Buckets that may be marked. */
const mostMarks: usize = 64;
/** Entries that are looked at together. */
const atOnce: u32 = 32;
/** Of these, as many as are sooner added up one by one. */
const fewMoved: u32 = 20;
/** And for gradients. */
const blockBytes: usize = 4 * 64;

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
/** The buckets whose entries are listed, in 16 bits each. */
const weightMarks: usize = ofWeights + counted;
const gradientMarks: usize = weightMarks + 2 * mostMarks;
/** What is listed: places in the chunk, and magnitudes. */
const places: usize = gradientMarks + 2 * mostMarks;
const listedWeights: usize = places + 4 * longestChunk;
const listedSlopes: usize = listedWeights + 4 * longestChunk;
/** Pairs of sums, in 64 bits each: of entries that changed, of squares, and the changes of the small, the lower bound, the middle, the upper bound, and the large. */
const sums: usize = listedSlopes + 4 * longestChunk;
const ofSquares: usize = sums + 16;
const ofGroups: usize = sums + 32;

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
 * Counts entries by the buckets of weight and gradient, and by the cell of both. A column of cells has `rows`, the last of them for
 * gradients of 0, of which the number in all columns together is what counts.
 *
 * @returns the sum of squared gradients
 */
export function count(length: usize, rows: u32): f64 {
  let squares: f64 = 0;
  const end: usize = length << 2;
  for (let at: usize = 0; at < end; at += blockBytes) {
    const blockEnd = min(end, at + blockBytes);
    const ofBlock = squaresFrom(at, blockEnd);
    squares += ofBlock;
    // Whole rows of an embedding have none.
    if (ofBlock === 0) countFlat(at, blockEnd, rows);
    else countBoth(at, blockEnd, rows);
  }
  return squares;
}

/** The sum of squared gradients of some entries. */
function squaresFrom(from: usize, to: usize): f64 {
  const whole: usize = from + ((to - from) & ~15);
  let squares = f64x2.splat(0);
  for (let at = from; at < whole; at += 16) squares = f64x2.add(squares, squaresOf(v128.load(second + at)));
  for (let at = whole; at < to; at += 4) squares = f64x2.add(squares, squaresOf(v128.load32_zero(second + at)));
  return f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
}

/** Counts entries of which some have a gradient. */
function countBoth(from: usize, to: usize, rows: u32): void {
  for (let at = from; at < to; at += 4) countOne(at, rows);
}

/** Counts entries whose gradients are all 0. */
function countFlat(from: usize, to: usize, rows: u32): void {
  let most: u32 = 0;
  for (let at = from; at < to; at += 4) {
    const weight = magnitudeAt(first + at);
    countIn(ofWeights, ((weight >>> 16) as usize) << 2);
    most = max(most, weight);
  }
  const entries = ((to - from) >>> 2) as u32;
  store<u32>(ofGradient, load<u32>(ofGradient) + entries);
  store<u32>(greatest, max(load<u32>(greatest), most));
  const cell = cells + (((rows - 1) as usize) << 2);
  store<u32>(cell, load<u32>(cell) + entries);
}

function countOne(at: usize, rows: u32): void {
  const weight = magnitudeAt(first + at);
  const slope = magnitudeAt(second + at);
  const weightBucket = ((weight >>> 16) as usize) << 2;
  const gradientBucket = ((slope >>> 16) as usize) << 2;
  // What is loaded before anything is stored does not wait to see whether the one was the other.
  const weights = load<u32>(ofWeights + weightBucket);
  const slopes = load<u32>(ofGradient + gradientBucket);
  const most = load<u32>(greatest + gradientBucket);
  const column = (load<u32>(weightBins + weightBucket) + (weight & 0xffff)) >>> 17;
  const row = (load<u32>(gradientBins + gradientBucket) + (slope & 0xffff)) >>> 17;
  store<u32>(ofWeights + weightBucket, weights + 1);
  store<u32>(ofGradient + gradientBucket, slopes + 1);
  if (weight > most) store<u32>(greatest + gradientBucket, weight);
  countIn(cells, ((column * rows + row) as usize) << 2);
}

/**
 * Lists the entries, which are few, whose weight is in one of some buckets, or whose gradient is in one of others or beyond them.
 *
 * @param weightBuckets how many buckets of weights are marked
 * @param gradientBuckets how many of gradients
 * @param beyond gradients of all buckets above are listed
 * @returns how many are listed
 */
export function list(length: u32, weightBuckets: usize, gradientBuckets: usize, beyond: i32): u32 {
  let to: usize = 0;
  for (let entry: u32 = 0; entry < length; entry += atOnce) {
    const at = (entry as usize) << 2;
    let found =
      foundIn(first + at, weightMarks, weightBuckets, lastBucket) |
      foundIn(second + at, gradientMarks, gradientBuckets, beyond);
    const left = length - entry;
    if (left < atOnce) found &= (1 << left) - 1;
    for (; found !== 0; found &= found - 1) {
      const place = entry + ctz(found);
      const weight = magnitudeAt(first + ((place as usize) << 2));
      store<u32>(places + to, place);
      store<u32>(listedWeights + to, select(0, weight, weight < leastMagnitude));
      store<u32>(listedSlopes + to, magnitudeAt(second + ((place as usize) << 2)));
      to += 4;
    }
  }
  return (to >>> 2) as u32;
}

/** A bit for each of 32 numbers, set where it is in a marked bucket or beyond one. */
function foundIn(at: usize, marks: usize, count: usize, beyond: i32): u32 {
  const a = bucketsAt(at);
  const b = bucketsAt(at + 32);
  const c = bucketsAt(at + 64);
  const d = bucketsAt(at + 96);
  const last = i16x8.splat(beyond as i16);
  let inA = i16x8.gt_s(a, last);
  let inB = i16x8.gt_s(b, last);
  let inC = i16x8.gt_s(c, last);
  let inD = i16x8.gt_s(d, last);
  for (let mark = marks; mark < marks + 2 * count; mark += 2) {
    const bucket = v128.load16_splat(mark);
    inA = v128.or(inA, i16x8.eq(a, bucket));
    inB = v128.or(inB, i16x8.eq(b, bucket));
    inC = v128.or(inC, i16x8.eq(c, bucket));
    inD = v128.or(inD, i16x8.eq(d, bucket));
  }
  const low = i8x16.bitmask(i8x16.narrow_i16x8_s(inA, inB));
  const high = i8x16.bitmask(i8x16.narrow_i16x8_s(inC, inD));
  return (low as u32) | ((high as u32) << 16);
}

/** The buckets of eight numbers. */
function bucketsAt(at: usize): v128 {
  const mask = i32x4.splat(magnitudeMask);
  const low = i32x4.shr_u(v128.and(v128.load(at), mask), 16);
  const high = i32x4.shr_u(v128.and(v128.load(at + 16), mask), 16);
  return i16x8.narrow_i32x4_u(low, high);
}

/** Adds up how far entries moved, a multiple of 32 of them, by the bits of what they began as. */
export function compare(length: usize, lower: u32, upper: u32): void {
  for (let at: usize = 0; at < 4 * length; at += 4 * atOnce) {
    const moved = movedFrom(at);
    if (moved === 0) continue;
    add(sums, popcnt(moved) as f64);
    if (popcnt(moved) <= fewMoved) compareEach(at, moved, lower, upper);
    else compareAll(at, lower, upper);
  }
}

/** A bit for each of 32 entries, set where it moved. */
function movedFrom(at: usize): u32 {
  const low = i8x16.bitmask(i8x16.narrow_i16x8_s(eightMoved(at), eightMoved(at + 32)));
  const high = i8x16.bitmask(i8x16.narrow_i16x8_s(eightMoved(at + 64), eightMoved(at + 96)));
  return (low as u32) | ((high as u32) << 16);
}

function eightMoved(at: usize): v128 {
  return i16x8.narrow_i32x4_s(fourMoved(at), fourMoved(at + 16));
}

function fourMoved(at: usize): v128 {
  return f32x4.ne(v128.load(first + at), v128.load(second + at));
}

/** Adds up those that moved, one by one. */
function compareEach(at: usize, moved: u32, lower: u32, upper: u32): void {
  const fromUpper = lower === upper ? upper + 1 : upper;
  let squares: f64 = 0;
  for (let left = moved; left !== 0; left &= left - 1) {
    const entry = at + ((ctz(left) as usize) << 2);
    const distance = abs(load<f32>(second + entry) - load<f32>(first + entry)) as f64;
    const magnitude = magnitudeAt(first + entry);
    const group =
      ((magnitude >= lower) as usize) +
      ((magnitude > lower) as usize) +
      ((magnitude >= fromUpper) as usize) +
      ((magnitude > upper) as usize);
    add(ofGroups + (group << 4), distance);
    squares += distance * distance;
  }
  add(ofSquares, squares);
}

/** Adds up 32 entries, four by four. */
function compareAll(from: usize, lower: u32, upper: u32): void {
  const mask = i32x4.splat(magnitudeMask);
  const lowers = i32x4.splat(lower);
  const uppers = i32x4.splat(upper);
  let squares = v128.load(ofSquares);
  let small = v128.load(ofGroups);
  let atLower = v128.load(ofGroups, 16);
  let middle = v128.load(ofGroups, 32);
  let atUpper = v128.load(ofGroups, 48);
  let large = v128.load(ofGroups, 64);
  for (let at = from; at < from + 4 * atOnce; at += 4 * 4) {
    const before = v128.load(first + at);
    const magnitude = v128.and(before, mask);
    const moved = f32x4.abs(f32x4.sub(v128.load(second + at), before));
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
  v128.store(ofSquares, squares);
  v128.store(ofGroups, small);
  v128.store(ofGroups, atLower, 16);
  v128.store(ofGroups, middle, 32);
  v128.store(ofGroups, atUpper, 48);
  v128.store(ofGroups, large, 64);
}

function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value);
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
