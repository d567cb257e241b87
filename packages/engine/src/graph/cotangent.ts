/**
 * The gradient of a value is not always worth forming whole. A weight used as `linear(x, W)` has the gradient
 * dy^T x, and whoever needs a few of its entries is better served by the two factors; a table used as
 * `gather(table, ids)` has non-zero gradient only in the rows of `ids`. So a contribution to a gradient keeps its
 * structure until someone asks for the whole.
 */
import type { Value } from "./value.js";

export type Cotangent = DenseCotangent | ProductCotangent | RowsCotangent;

/** The contribution itself, in the shape of the value that it belongs to. */
export interface DenseCotangent {
  readonly kind: "dense";
  readonly value: Value;
}

/** The contribution left^T right, left [n, rows] and right [n, columns], to a value [rows, columns]. */
export interface ProductCotangent {
  readonly kind: "product";
  readonly left: Value;
  readonly right: Value;
}

/** Row i of `values` [n, columns] is added to row `indices[i]` of the value [rows, columns]. */
export interface RowsCotangent {
  readonly kind: "rows";
  readonly indices: Value;
  readonly values: Value;
}

export function dense(value: Value): DenseCotangent {
  return { kind: "dense", value };
}
