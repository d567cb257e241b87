/**
 * Some entries of a matrix product left^T right, in AssemblyScript: see src/kernels/sampled-product.ts. All arguments are
 * addresses or counts; matrices are float32, row-major. `npm run kernels` compiles this file.
 */

const four: u32 = 4;

/**
 * Turns [tokens, columns] at `source` into [columns, stride] at `target`, 4 x 4 at a time. Columns of `target` from `tokens`
 * on are set to 0.
 */
export function transpose(source: usize, target: usize, tokens: u32, columns: u32, stride: u32): void {
  const wholeTokens = tokens & ~3;
  const wholeColumns = columns & ~3;
  const sourceRow = (columns as usize) << 2;
  const targetRow = (stride as usize) << 2;
  for (let column: u32 = 0; column < wholeColumns; column += four) {
    for (let token: u32 = 0; token < wholeTokens; token += four) {
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
    const start = column < wholeColumns ? wholeTokens : 0;
    for (let token = start; token < tokens; token++) {
      const from = source + (token as usize) * sourceRow + ((column as usize) << 2);
      store<f32>(row + ((token as usize) << 2), load<f32>(from));
    }
    for (let token = tokens; token < stride; token++) store<f32>(row + ((token as usize) << 2), 0);
  }
}

/**
 * Where a chunked selection of a [rows, columns] matrix lies: `starts[row]` is the position of the row's first entry, with
 * one more for the end, and `found` has the column of each entry. `offsets` are 16 bits wide, the others 32.
 */
export function locate(
  chunkStarts: usize,
  offsets: usize,
  chunks: u32,
  chunkSize: u32,
  rows: u32,
  columns: u32,
  starts: usize,
  found: usize,
): void {
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
      store<u32>(found + ((position as usize) << 2), (entry - rowStart) as u32);
    }
  }
  const count = load<u32>(chunkStarts + ((chunks as usize) << 2));
  while (row < rows) {
    row++;
    store<u32>(starts + ((row as usize) << 2), count);
  }
}

function sumOfLanes(lanes: v128): f32 {
  return (
    f32x4.extract_lane(lanes, 0) +
    f32x4.extract_lane(lanes, 1) +
    (f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3))
  );
}

/**
 * `out[k] = sum over tokens of left[row, token] * right[column, token]` for every entry that {@link locate} found. Both
 * have `stride` tokens a row, a multiple of 8. Four entries of a row share the reading of its left side.
 */
export function multiply(
  left: usize,
  right: usize,
  stride: u32,
  rows: u32,
  starts: usize,
  found: usize,
  out: usize,
): void {
  const bytes = (stride as usize) << 2;
  for (let row: u32 = 0; row < rows; row++) {
    const end = load<u32>(starts + ((row as usize) << 2), 4);
    const own = left + (row as usize) * bytes;
    let entry = load<u32>(starts + ((row as usize) << 2));
    for (; entry + four <= end; entry += four) {
      const columns = found + ((entry as usize) << 2);
      const right0 = right + (load<u32>(columns) as usize) * bytes;
      const right1 = right + (load<u32>(columns, 4) as usize) * bytes;
      const right2 = right + (load<u32>(columns, 8) as usize) * bytes;
      const right3 = right + (load<u32>(columns, 12) as usize) * bytes;
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      let sum2 = f32x4.splat(0);
      let sum3 = f32x4.splat(0);
      for (let at: usize = 0; at < bytes; at += 16) {
        const shared = v128.load(own + at);
        sum0 = f32x4.add(sum0, f32x4.mul(shared, v128.load(right0 + at)));
        sum1 = f32x4.add(sum1, f32x4.mul(shared, v128.load(right1 + at)));
        sum2 = f32x4.add(sum2, f32x4.mul(shared, v128.load(right2 + at)));
        sum3 = f32x4.add(sum3, f32x4.mul(shared, v128.load(right3 + at)));
      }
      const target = out + ((entry as usize) << 2);
      store<f32>(target, sumOfLanes(sum0));
      store<f32>(target, sumOfLanes(sum1), 4);
      store<f32>(target, sumOfLanes(sum2), 8);
      store<f32>(target, sumOfLanes(sum3), 12);
    }
    for (; entry < end; entry++) {
      const right0 = right + (load<u32>(found + ((entry as usize) << 2)) as usize) * bytes;
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
