/**
 * Some entries of a matrix product left^T right, in AssemblyScript: see src/kernels/sampled-product.ts. Addresses and counts
 * come in a job; matrices are float32, row-major. `npm run kernels` compiles this file, once for memory of one thread and once
 * for shared memory.
 *
 * A product is a row of tasks: to transpose blocks of tokens of the right factor, to find out where the entries lie, to
 * transpose blocks of the left factor, to multiply ranges of rows. Factors that are images have their channels apart already:
 * blocks are images then, whose channels are laid into planes so that what windows see at one of their places is a plane, shifted. A product with the right factor of the one before begins
 * after its blocks. Whoever is free takes the next task, so threads balance themselves and nobody waits for one that has yet
 * to start. A number is computed within one task and in one order, so that results do not depend on who took it.
 *
 * Three counters say how many tasks are published, taken and done. They count over the memory's lifetime and are never set
 * back (they may wrap), so a thread that wakes late cannot take a task of a product long finished; and what a task reads of
 * the job changes only when the task is done.
 */

/** Addresses of the counters, each in a cache line of its own. */
const published: usize = 0;
const taken: usize = 64;
const done: usize = 128;

/** Address of the job: 32-bit fields in the order of `field` in src/kernels/sampled-product-memory.ts. */
const job: usize = 192;
/** The number that the first block of the right factor has, or would have, among all tasks. */
const firstField = 0;
const tokensField = 4;
const rowsField = 8;
const columnsField = 12;
/** Floats from a column of a transposed factor to the next. */
const strideField = 16;
const chunksField = 20;
const chunkSizeField = 24;
/** Tasks of a factor's transposition. */
const blocksField = 28;
const rangesField = 32;
const leftField = 36;
const rightField = 40;
const leftColumnsField = 44;
const rightColumnsField = 48;
const chunkStartsField = 52;
const offsetsField = 56;
const rowStartsField = 60;
const foundField = 64;
const outField = 68;
/** Of each column of the right factor, how many bytes it lies behind the first. */
const columnStartsField = 72;
/** Of images, and 0 channels where the factors are none: the right one's size, and the left one's. */
const channelsField = 76;
const heightField = 80;
const widthField = 84;
const outputHeightField = 88;
const outputWidthField = 92;
/** The size of a plane, in which each row of pixels has room for what windows see beyond it. */
const planeHeightField = 96;
const planeWidthField = 100;
const strideYField = 104;
const strideXField = 108;
const paddingYField = 112;
const paddingXField = 116;
/** With a stride, planes are of every stride-th pixel: which are the first, as pairs y, x; and how many pairs. */
const phasesField = 120;
const phaseCountField = 124;

const blockTokens: u32 = 64;
/** Tokens that are transposed at once: a cache line of a target's column. */
const lineTokens: u32 = 16;
const four: u32 = 4;
/** How often a thread looks for a task before it sleeps: about as long as it takes to be woken. */
const looks = 2000;
/** More threads than there are. With -1, which is as good, V8 makes an object for the number at every call. */
const everyThread = 1 << 16;

/** Makes the next `tasks` tasks free to be taken. */
export function publish(tasks: u32): void {
  atomic.add<u32>(published, tasks);
  atomic.notify(published, everyThread);
}

/** Does tasks until all that are published are taken. */
export function work(): void {
  for (;;) {
    const task = atomic.load<u32>(taken);
    if (task === atomic.load<u32>(published)) return;
    if (atomic.cmpxchg<u32>(taken, task, task + 1) !== task) continue;
    run(task - load<u32>(job, firstField));
    const finished = atomic.add<u32>(done, 1) + 1;
    if (finished === atomic.load<u32>(published)) atomic.notify(done, 1);
  }
}

/**
 * Works until all tasks are done. Only the thread that publishes calls this. As in {@link serve}, no local variable is used
 * after a wait that was set before it: V8's first compiler (of Node 20) loses them there.
 */
export function finish(): void {
  work();
  for (let look = 0; look < looks; look++) if (allDone()) return;
  while (!allDone()) {
    const finished = atomic.load<u32>(done);
    if (finished !== atomic.load<u32>(published)) atomic.wait<u32>(done, finished, -1);
  }
}

function allDone(): bool {
  return atomic.load<u32>(done) === atomic.load<u32>(published);
}

/** Works for ever. */
export function serve(): void {
  for (let look = 0; ; look++) {
    const all = atomic.load<u32>(published);
    if (atomic.load<u32>(taken) !== all) {
      work();
      look = 0;
    } else if (look >= looks) {
      atomic.wait<u32>(published, all, -1);
      look = 0;
    }
  }
}

function run(task: u32): void {
  const blocks = load<u32>(job, blocksField);
  const areImages = load<u32>(job, channelsField) !== 0;
  if (task < blocks && areImages) {
    layRight(task);
  } else if (task < blocks) {
    transpose(load<u32>(job, rightField), load<u32>(job, rightColumnsField), load<u32>(job, columnsField), task);
  } else if (task === blocks) {
    locate();
  } else if (task <= 2 * blocks) {
    const rows = load<u32>(job, rowsField);
    if (areImages) layLeft(task - 1 - blocks);
    else transpose(load<u32>(job, leftField), load<u32>(job, leftColumnsField), rows, task - 1 - blocks);
  } else {
    multiply(task - 1 - 2 * blocks);
  }
}

/**
 * Where a chunked selection of the [rows, columns] matrix lies: of each row the position of its first entry, with one more
 * for the end, and of each entry where its column starts. Offsets are 16 bits wide, the others 32.
 */
function locate(): void {
  const chunkStarts: usize = load<u32>(job, chunkStartsField);
  const offsets: usize = load<u32>(job, offsetsField);
  const chunks = load<u32>(job, chunksField);
  const chunkSize = load<u32>(job, chunkSizeField);
  const rows = load<u32>(job, rowsField);
  const columns = load<u32>(job, columnsField);
  const starts: usize = load<u32>(job, rowStartsField);
  const found: usize = load<u32>(job, foundField);
  const columnStarts: usize = load<u32>(job, columnStartsField);
  let row: u32 = 0;
  let rowStart: u64 = 0;
  store<u32>(starts, 0);
  for (let chunk: u32 = 0; chunk < chunks; chunk++) {
    const base = (chunk as u64) * (chunkSize as u64);
    const end = load<u32>(chunkStarts + ((chunk as usize) << 2), 4);
    for (let position = load<u32>(chunkStarts + ((chunk as usize) << 2)); position < end; position++) {
      const entry = base + (load<u16>(offsets + ((position as usize) << 1)) as u64);
      while (entry >= rowStart + columns) {
        row++;
        rowStart += columns;
        store<u32>(starts + ((row as usize) << 2), position);
      }
      const column = load<u32>(columnStarts + (((entry - rowStart) as usize) << 2));
      store<u32>(found + ((position as usize) << 2), column);
    }
  }
  const count = load<u32>(chunkStarts + ((chunks as usize) << 2));
  while (row < rows) {
    row++;
    store<u32>(starts + ((row as usize) << 2), count);
  }
}

/** Turns a block of tokens of [tokens, columns] at `source` into its part of [columns, stride] at `target`. */
function transpose(source: usize, target: usize, columns: u32, block: u32): void {
  const tokens = load<u32>(job, tokensField);
  const end = min(tokens, (block + 1) * blockTokens);
  for (let token = block * blockTokens; token < end; token += lineTokens) {
    transposeLine(source, target, columns, token, min(end, token + lineTokens));
  }
  if (end === tokens) clearTail(target, columns, tokens);
}

/** Tokens `first` to `end`, 4 x 4 at a time. */
function transposeLine(source: usize, target: usize, columns: u32, first: u32, end: u32): void {
  const wholeEnd = end & ~3;
  const wholeColumns = columns & ~3;
  const sourceRow = (columns as usize) << 2;
  const targetRow = (load<u32>(job, strideField) as usize) << 2;
  for (let column: u32 = 0; column < wholeColumns; column += four) {
    for (let token = first; token < wholeEnd; token += four) {
      const from = source + (token as usize) * sourceRow + ((column as usize) << 2);
      const a = v128.load(from);
      const b = v128.load(from + sourceRow);
      const c = v128.load(from + 2 * sourceRow);
      const d = v128.load(from + 3 * sourceRow);
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      const to = target + (column as usize) * targetRow + ((token as usize) << 2);
      v128.store(to, v128.shuffle<i64>(ab0, cd0, 0, 2));
      v128.store(to + targetRow, v128.shuffle<i64>(ab0, cd0, 1, 3));
      v128.store(to + 2 * targetRow, v128.shuffle<i64>(ab1, cd1, 0, 2));
      v128.store(to + 3 * targetRow, v128.shuffle<i64>(ab1, cd1, 1, 3));
    }
  }
  for (let column: u32 = 0; column < columns; column++) {
    const row = target + (column as usize) * targetRow;
    for (let token = column < wholeColumns ? wholeEnd : first; token < end; token++) {
      const from = source + (token as usize) * sourceRow + ((column as usize) << 2);
      store<f32>(row + ((token as usize) << 2), load<f32>(from));
    }
  }
}

/** Sets what `multiply` reads beyond the last token to 0. */
function clearTail(target: usize, columns: u32, tokens: u32): void {
  const targetRow = (load<u32>(job, strideField) as usize) << 2;
  const end = (tokens + 7) & ~7;
  for (let column: u32 = 0; column < columns; column++) {
    const row = target + (column as usize) * targetRow;
    for (let token = tokens; token < end; token++) store<f32>(row + ((token as usize) << 2), 0);
  }
}

/** Lays image `image` of [images, channels, height, width] into its part of the right factor's planes, padding as zeros. */
function layRight(image: u32): void {
  const channels = load<u32>(job, channelsField);
  const height = load<u32>(job, heightField);
  const width = load<u32>(job, widthField);
  const planeHeight = load<u32>(job, planeHeightField);
  const planeWidth = load<u32>(job, planeWidthField);
  const strideY = load<u32>(job, strideYField);
  const strideX = load<u32>(job, strideXField);
  const phases: usize = load<u32>(job, phasesField);
  const phaseCount = load<u32>(job, phaseCountField);
  const planeBytes = (load<u32>(job, strideField) as usize) << 2;
  const ofImage = ((image * planeHeight * planeWidth) as usize) << 2;
  let source = (load<u32>(job, rightField) as usize) + (((image * channels * height * width) as usize) << 2);
  let plane: usize = load<u32>(job, rightColumnsField);
  for (let channel: u32 = 0; channel < channels; channel++) {
    for (let phase: u32 = 0; phase < phaseCount; phase++) {
      const pair = phases + ((phase as usize) << 3);
      const firstY = (load<u32>(pair) as i32) - (load<u32>(job, paddingYField) as i32);
      const firstX = (load<u32>(pair, 4) as i32) - (load<u32>(job, paddingXField) as i32);
      for (let y: u32 = 0; y < planeHeight; y++) {
        const row = plane + ofImage + (((y * planeWidth) as usize) << 2);
        const pixelY = firstY + ((y * strideY) as i32);
        if (pixelY < 0 || pixelY >= (height as i32)) clear(row, planeWidth);
        else layRow(source + (((pixelY as u32) * width) << 2), row, firstX, width, planeWidth, strideX);
      }
      if (image + 1 === load<u32>(job, blocksField)) clearBehind(plane);
      plane += planeBytes;
    }
    source += ((height * width) as usize) << 2;
  }
}

/** Every `stride`-th pixel of a row, from pixel `first` on, which may lie before it; zeros where there is none. */
function layRow(source: usize, target: usize, first: i32, width: u32, count: u32, stride: u32): void {
  let before: u32 = 0;
  if (first < 0) before = min<u32>(count, ((-first as u32) + stride - 1) / stride);
  const start = (first + ((before * stride) as i32)) as u32;
  let there: u32 = 0;
  if (start < width) there = min<u32>(count - before, (width - start + stride - 1) / stride);
  clear(target, before);
  const to = target + ((before as usize) << 2);
  const from = source + ((start as usize) << 2);
  if (stride === 1) {
    copy(from, to, there);
  } else {
    const step = (stride as usize) << 2;
    for (let x: u32 = 0; x < there; x++) store<f32>(to + ((x as usize) << 2), load<f32>(from + (x as usize) * step));
  }
  clear(to + ((there as usize) << 2), count - before - there);
}

/** Lays image `image` of [images, rows, output height, output width] into its part of the left factor's planes, zeros around it. */
function layLeft(image: u32): void {
  const rows = load<u32>(job, rowsField);
  const height = load<u32>(job, outputHeightField);
  const width = load<u32>(job, outputWidthField);
  const planeHeight = load<u32>(job, planeHeightField);
  const planeWidth = load<u32>(job, planeWidthField);
  const planeBytes = (load<u32>(job, strideField) as usize) << 2;
  const ofImage = ((image * planeHeight * planeWidth) as usize) << 2;
  let source = (load<u32>(job, leftField) as usize) + (((image * rows * height * width) as usize) << 2);
  let plane: usize = load<u32>(job, leftColumnsField);
  for (let row: u32 = 0; row < rows; row++) {
    let target = plane + ofImage;
    for (let y: u32 = 0; y < height; y++) {
      copy(source, target, width);
      clear(target + ((width as usize) << 2), planeWidth - width);
      source += (width as usize) << 2;
      target += (planeWidth as usize) << 2;
    }
    clear(target, (planeHeight - height) * planeWidth);
    if (image + 1 === load<u32>(job, blocksField)) clearBehind(plane);
    plane += planeBytes;
  }
}

/** Sets what lies behind the last image of a plane to 0: shifted planes are read beyond it. */
function clearBehind(plane: usize): void {
  const tokens = load<u32>(job, tokensField);
  clear(plane + ((tokens as usize) << 2), load<u32>(job, strideField) - tokens);
}

function copy(source: usize, target: usize, count: u32): void {
  let at: usize = 0;
  const vectors = ((count & ~3) as usize) << 2;
  for (; at < vectors; at += 16) v128.store(target + at, v128.load(source + at));
  const end = (count as usize) << 2;
  for (; at < end; at += 4) store<f32>(target + at, load<f32>(source + at));
}

function clear(target: usize, count: u32): void {
  const end = target + ((count as usize) << 2);
  for (let at = target; at < end; at += 4) store<f32>(at, 0);
}

function sumOfLanes(lanes: v128): f32 {
  return (
    f32x4.extract_lane(lanes, 0) +
    f32x4.extract_lane(lanes, 1) +
    (f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3))
  );
}

/** The row at which range `range` begins, so that all ranges have about as many entries. */
function rangeStart(range: u32): u32 {
  const starts: usize = load<u32>(job, rowStartsField);
  const rows = load<u32>(job, rowsField);
  const count = load<u32>(starts + ((rows as usize) << 2));
  const entry = (((count as u64) * (range as u64)) / (load<u32>(job, rangesField) as u64)) as u32;
  let low: u32 = 0;
  let high = rows;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u32>(starts + ((middle as usize) << 2)) < entry) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * `out[k] = sum over tokens of left[row, token] * right[column, token]` for every entry in a range of rows. Four entries of a
 * row share the reading of its left side, two vectors a round: with more of either, V8 runs out of registers and is slower.
 */
function multiply(range: u32): void {
  const left: usize = load<u32>(job, leftColumnsField);
  const right: usize = load<u32>(job, rightColumnsField);
  const starts: usize = load<u32>(job, rowStartsField);
  const found: usize = load<u32>(job, foundField);
  const out: usize = load<u32>(job, outField);
  const stride = (load<u32>(job, strideField) as usize) << 2;
  const bytes = (((load<u32>(job, tokensField) + 7) & ~7) as usize) << 2;
  const endRow = rangeStart(range + 1);
  for (let row = rangeStart(range); row < endRow; row++) {
    const end = load<u32>(starts + ((row as usize) << 2), 4);
    const own = left + (row as usize) * stride;
    let entry = load<u32>(starts + ((row as usize) << 2));
    for (; entry + four <= end; entry += four) {
      const columns = found + ((entry as usize) << 2);
      const right0 = right + (load<u32>(columns) as usize);
      const right1 = right + (load<u32>(columns, 4) as usize);
      const right2 = right + (load<u32>(columns, 8) as usize);
      const right3 = right + (load<u32>(columns, 12) as usize);
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      let sum2 = f32x4.splat(0);
      let sum3 = f32x4.splat(0);
      for (let at: usize = 0; at < bytes; at += 32) {
        const first = v128.load(own + at);
        sum0 = f32x4.add(sum0, f32x4.mul(first, v128.load(right0 + at)));
        sum1 = f32x4.add(sum1, f32x4.mul(first, v128.load(right1 + at)));
        sum2 = f32x4.add(sum2, f32x4.mul(first, v128.load(right2 + at)));
        sum3 = f32x4.add(sum3, f32x4.mul(first, v128.load(right3 + at)));
        const second = v128.load(own + at, 16);
        sum0 = f32x4.add(sum0, f32x4.mul(second, v128.load(right0 + at, 16)));
        sum1 = f32x4.add(sum1, f32x4.mul(second, v128.load(right1 + at, 16)));
        sum2 = f32x4.add(sum2, f32x4.mul(second, v128.load(right2 + at, 16)));
        sum3 = f32x4.add(sum3, f32x4.mul(second, v128.load(right3 + at, 16)));
      }
      const target = out + ((entry as usize) << 2);
      store<f32>(target, sumOfLanes(sum0));
      store<f32>(target, sumOfLanes(sum1), 4);
      store<f32>(target, sumOfLanes(sum2), 8);
      store<f32>(target, sumOfLanes(sum3), 12);
    }
    for (; entry < end; entry++) {
      const right0 = right + (load<u32>(found + ((entry as usize) << 2)) as usize);
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      for (let at: usize = 0; at < bytes; at += 32) {
        sum0 = f32x4.add(sum0, f32x4.mul(v128.load(own + at), v128.load(right0 + at)));
        sum1 = f32x4.add(sum1, f32x4.mul(v128.load(own + at, 16), v128.load(right0 + at, 16)));
      }
      store<f32>(out + ((entry as usize) << 2), sumOfLanes(f32x4.add(sum0, sum1)));
    }
  }
}
