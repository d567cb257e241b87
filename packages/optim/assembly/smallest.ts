/**
 * The entries of smallest magnitude of a chunk, in AssemblyScript: see src/smallest.ts. Everything lies at fixed addresses of a
 * memory of its own: a chunk's float32 bits, the offsets that are kept, a histogram, and tables of sets.
 */

const longestChunk: usize = 65_536;
const bits: usize = 0;
const kept: usize = bits + 4 * longestChunk;
/** Vectors of eight offsets are written, of which the last may reach beyond the chunk. */
const histogram: usize = kept + 2 * longestChunk + 64;
const members: usize = histogram + 4 * 2048;
/** The same as numbers of the bytes of eight 16-bit lanes, two for each member. */
const memberBytes: usize = members + 16 * 256;
/** The magnitudes of what is kept, and those of them among which the threshold is sought. */
const keys: usize = memberBytes + 16 * 256;
const candidates: usize = keys + 4 * longestChunk;

const magnitudeMask: u32 = 0x7fffffff;
const highShift: u32 = 20;
const middleShift: u32 = 10;
const highBins: u32 = 2048;
const tenBits: u32 = 0x3ff;
const largestFiniteMagnitude: i32 = 0x7f7fffff;
/** The first bin of the high bits that holds infinities and NaN. */
const firstNonFiniteBin: u32 = 0x7f800000 >>> 20;
/** Shorter chunks are counted whole. The stride is prime, so that the sample meets all columns of a matrix alike. */
const shortestSampledChunk: u32 = 8192;
const sampleStride: u32 = 17;

/** Fills the tables: of every set of numbers from 0 to 7, its members, ascending, in 16 bits each, and their bytes. */
export function prepare(): void {
  for (let set: u32 = 0; set < 256; set++) {
    let at = (set as usize) << 4;
    for (let member: u32 = 0; member < 8; member++) {
      if ((set & (1 << member)) === 0) continue;
      store<u16>(members + at, member as u16);
      store<u16>(memberBytes + at, (0x0100 + 0x0202 * member) as u16);
      at += 2;
    }
  }
}

/**
 * Puts the ascending offsets of the `count` smallest of `length` magnitudes at `kept`.
 *
 * @returns whether all are finite; else nothing that is kept means anything.
 */
export function selectSmallest(length: u32, count: u32): bool {
  const stride = length < shortestSampledChunk ? 1 : sampleStride;
  let keptCount = keepBelow(length, likelyLimit(length, count, stride));
  if (keptCount >= 0 && (keptCount as u32) < count) keptCount = keepBelow(length, likelyLimit(length, count, 1));
  if (keptCount < 0) return false;
  if ((keptCount as u32) > count) narrow(keptCount as u32, count);
  return true;
}

function magnitudeAt(entry: u32): u32 {
  return load<u32>(bits + ((entry as usize) << 2)) & magnitudeMask;
}

function clear(bins: u32): void {
  memory.fill(histogram, 0, (bins as usize) << 2);
}

function countIn(bin: u32): void {
  const at = histogram + ((bin as usize) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** How many keys lie below the bin that {@link findBin} found. */
let below: u32 = 0;

/** The bin of the histogram that holds the `rank`-th smallest key (from 1). */
function findBin(rank: u32): u32 {
  below = 0;
  let bin: u32 = 0;
  for (;;) {
    const inBin = load<u32>(histogram + ((bin as usize) << 2));
    if (below + inBin >= rank) break;
    below += inBin;
    bin++;
  }
  return bin;
}

/**
 * The end of the bin below which a chunk should have at least `count` entries, going by every `stride`-th one; it does for
 * certain where that is every entry.
 */
function likelyLimit(length: u32, count: u32, stride: u32): u32 {
  clear(highBins);
  for (let entry: u32 = 0; entry < length; entry += stride) countIn(magnitudeAt(entry) >>> highShift);
  const expected = (count as f64) / (stride as f64);
  const allowance: f64 = stride === 1 ? 0 : 3 * Math.sqrt(expected) + 1;
  const sampled = (length + stride - 1) / stride;
  const rank = min(Math.ceil(expected + allowance) as u32, sampled);
  return min(findBin(rank) + 1, firstNonFiniteBin) << highShift;
}

/**
 * Puts at `kept`, in order, the offsets of the entries of a magnitude below `limit`; returns their count, or -1 where an entry
 * is NaN or infinite. Eight entries at a time, without a branch: which of them are below is a set that the table has.
 */
function keepBelow(length: u32, limit: u32): i32 {
  const magnitude = i32x4.splat(magnitudeMask);
  const limits = i32x4.splat(limit);
  const step = i16x8.splat(8);
  let first8 = i16x8.splat(0);
  let largest = i32x4.splat(0);
  let to = kept;
  const whole = length & ~7;
  const end = bits + ((whole as usize) << 2);
  for (let from = bits; from < end; from += 32) {
    const first = v128.and(v128.load(from), magnitude);
    const second = v128.and(v128.load(from, 16), magnitude);
    largest = i32x4.max_s(largest, i32x4.max_s(first, second));
    const isBelow = i16x8.narrow_i32x4_s(i32x4.lt_s(first, limits), i32x4.lt_s(second, limits));
    const set = i16x8.bitmask(isBelow);
    v128.store(to, i16x8.add(first8, v128.load(members + ((set as usize) << 4))));
    to += (popcnt(set) as usize) << 1;
    first8 = i16x8.add(first8, step);
  }
  let areFinite = !v128.any_true(i32x4.gt_s(largest, i32x4.splat(largestFiniteMagnitude)));
  for (let entry = whole; entry < length; entry++) {
    const own = magnitudeAt(entry);
    if ((own as i32) > largestFiniteMagnitude) areFinite = false;
    store<u16>(to, entry as u16);
    if (own < limit) to += 2;
  }
  return areFinite ? (((to - kept) >>> 1) as i32) : -1;
}

/** Narrows the `keptCount` offsets to those of the `count` smallest magnitudes; of ties the lower offsets stay. */
function narrow(keptCount: u32, count: u32): void {
  clear(highBins);
  for (let index: u32 = 0; index < keptCount; index++) {
    const key = magnitudeAt(load<u16>(kept + ((index as usize) << 1)));
    store<u32>(keys + ((index as usize) << 2), key);
    countIn(key >>> highShift);
  }
  const high = findBin(count);
  let rank = count - below;
  // Only the keys of that bin can be the one sought.
  let candidate = candidates;
  for (let index: u32 = 0; index < keptCount; index++) {
    const key = load<u32>(keys + ((index as usize) << 2));
    store<u32>(candidate, key);
    candidate += ((key >>> highShift === high) as usize) << 2;
  }
  clear(tenBits + 1);
  for (let at = candidates; at < candidate; at += 4) countIn((load<u32>(at) >>> middleShift) & tenBits);
  const middle = findBin(rank);
  rank -= below;
  const prefix = (high << middleShift) | middle;
  clear(tenBits + 1);
  for (let at = candidates; at < candidate; at += 4) {
    if (load<u32>(at) >>> middleShift === prefix) countIn(load<u32>(at) & tenBits);
  }
  const low = findBin(rank);
  keepUpTo((prefix << middleShift) | low, keptCount, rank - below);
}

/**
 * Keeps the offsets of keys below `threshold`, and of those that equal it the first `ties`: eight at a time, as long as none of
 * them equals it.
 */
function keepUpTo(threshold: u32, keptCount: u32, ties: u32): void {
  const thresholds = i32x4.splat(threshold);
  let tiesLeft = ties;
  let to = kept;
  let index: u32 = 0;
  while (index < keptCount) {
    const from = keys + ((index as usize) << 2);
    const first = v128.load(from);
    const second = v128.load(from, 16);
    const areEqual = v128.or(i32x4.eq(first, thresholds), i32x4.eq(second, thresholds));
    if (index + 8 <= keptCount && !v128.any_true(areEqual)) {
      const isBelow = i16x8.narrow_i32x4_s(i32x4.lt_s(first, thresholds), i32x4.lt_s(second, thresholds));
      const set = i16x8.bitmask(isBelow);
      const offsets = v128.load(kept + ((index as usize) << 1));
      v128.store(to, i8x16.swizzle(offsets, v128.load(memberBytes + ((set as usize) << 4))));
      to += (popcnt(set) as usize) << 1;
      index += 8;
    } else {
      const key = load<u32>(from);
      store<u16>(to, load<u16>(kept + ((index as usize) << 1)));
      let stays = key < threshold;
      if (key === threshold && tiesLeft > 0) {
        tiesLeft--;
        stays = true;
      }
      to += (stays as usize) << 1;
      index++;
    }
  }
}
