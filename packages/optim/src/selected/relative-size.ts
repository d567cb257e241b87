/** How large weights are beside the others of their row or column. */

import { fromBfloat16 } from "../bfloat16.js";
import type { WeightArray } from "../types.js";

/** The size of each row or column of a tensor, which is taken as rows of its first axis. */
export interface LineSizes {
  readonly along: "row" | "column";
  readonly rowLength: number;
  /** The root of the mean square of each row or column. */
  readonly sizes: Float64Array;
}

/** The sizes of rows or columns; undefined of what has no rows, as a vector. */
export function lineSizes(
  along: LineSizes["along"],
  values: WeightArray,
  shape: readonly number[],
): LineSizes | undefined {
  const [rows = 0, ...row] = shape;
  const rowLength = row.reduce((product, size) => product * size, 1);
  if (row.length === 0 || rows * rowLength === 0) return undefined;
  const sizes = new Float64Array(along === "row" ? rows : rowLength);
  const isWide = values instanceof Float32Array;
  for (let entry = 0; entry < values.length; entry++) {
    const value = isWide ? (values[entry] as number) : fromBfloat16(values[entry] as number);
    const line = along === "row" ? Math.floor(entry / rowLength) : entry % rowLength;
    sizes[line] = (sizes[line] as number) + value * value;
  }
  const length = along === "row" ? rowLength : rows;
  return { along, rowLength, sizes: sizes.map((sum) => Math.sqrt(sum / length)) };
}

const ratio = new Float32Array(1);
const ratioBits = new Uint32Array(ratio.buffer);

/** The bits of a weight's magnitude beside the size of its line; from the bits of the magnitude itself. */
export function relativeBits(magnitude: number, entry: number, { along, rowLength, sizes }: LineSizes): number {
  const size = sizes[along === "row" ? Math.floor(entry / rowLength) : entry % rowLength] as number;
  if (size === 0) return 0;
  ratioBits[0] = magnitude;
  ratio[0] = (ratio[0] as number) / size;
  return ratioBits[0] as number;
}
