/** A head over a large vocabulary runs for some columns of the logits at a time, which are rows of its table. */
import type { Stage } from "../models/model.js";
import type { LogitColumns } from "../tasks/task.js";

export interface ColumnPiecesOptions {
  /** Of the logits. */
  readonly rows: number;
  readonly columns: number;
  /** Columns of the head's table, where a piece of it is held in float32 beside it: widened, or as its gradient; else 0. */
  readonly width: number;
  /** Logits that are held at a time, at most; 8 MB of them unless given. */
  readonly mostLogits?: number | undefined;
}

/** Logits that are held at a time, unless told; their softmax and gradient take several times the memory. */
const defaultMostLogits = 2 ** 21;
/** Logits that are put together from their pieces at most, for whoever chooses tokens by them: 32 MB of them. */
export const mostWholeLogits = 2 ** 23;
/** Entries of the table that are held in float32 at a time: as many as of a layer of ordinary size. */
const mostTableEntries = 2 ** 24;

/** The pieces that a head's columns come in: of sizes as even as may be, or one of all that is `undefined`. */
export function columnPieces(options: ColumnPiecesOptions): (LogitColumns | undefined)[] {
  const { rows, columns, width, mostLogits = defaultMostLogits } = options;
  const most = Math.max(1, Math.floor(Math.min(mostLogits / rows, width === 0 ? columns : mostTableEntries / width)));
  if (most >= columns) return [undefined];
  // Memory is aligned to 64 bytes, which are 16 numbers.
  const unit = most < 16 ? 1 : 16;
  const count = Math.ceil(columns / (unit * Math.floor(most / unit)));
  const size = unit * Math.ceil(columns / count / unit);
  return Array.from({ length: Math.ceil(columns / size) }, (_, piece) => ({
    from: piece * size,
    to: Math.min(columns, (piece + 1) * size),
  }));
}

/** The shape of a stage's parameter in a run for some of the columns; undefined for a name that it has not. */
export function shapeOfColumns(
  { parameters, columnParameters = [] }: Stage,
  local: string,
  columns: LogitColumns | undefined,
): readonly number[] | undefined {
  const shape = parameters[local]?.shape;
  if (columns === undefined || shape === undefined || !columnParameters.includes(local)) return shape;
  return [columns.to - columns.from, ...shape.slice(1)];
}
