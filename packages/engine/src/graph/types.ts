/** Element types that graphs carry. `bool` is stored as one byte an entry, 0 or 1. */
export type DataType = "float32" | "int32" | "bool";

export type Shape = readonly number[];

export interface TensorType {
  readonly dataType: DataType;
  readonly shape: Shape;
}

/** A function was built from values whose shapes or types do not fit; the message names the operation and both. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

export function tensorType(dataType: DataType, shape: Shape): TensorType {
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new ShapeError(`a tensor's dimensions are integers of at least 0, but ${formatShape(shape)} was given`);
    }
  }
  return { dataType, shape };
}

/** Number of entries of a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function formatType({ dataType, shape }: TensorType): string {
  return `${dataType}${formatShape(shape)}`;
}

/** The size along an axis that is known to exist; negative axes count from the end. */
export function dimension(shape: Shape, axis: number): number {
  const size = shape[axis < 0 ? shape.length + axis : axis];
  if (size === undefined) throw new ShapeError(`shape ${formatShape(shape)} has no axis ${axis}`);
  return size;
}

/**
 * An axis counted from the start; a negative one counts from the end.
 * @throws ShapeError naming the operation where the shape has no such axis.
 */
export function axisOf(operation: string, shape: Shape, axis: number): number {
  const counted = axis < 0 ? shape.length + axis : axis;
  if (shape[counted] === undefined) throw new ShapeError(`${operation}: ${formatShape(shape)} has no axis ${axis}`);
  return counted;
}

/**
 * The shape to which two shapes broadcast, by NumPy's rule: aligned at the end, sizes equal or one of them 1.
 * @throws ShapeError naming the operation and both shapes.
 */
export function broadcastShape(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new ShapeError(`${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
    }
    return left === 1 ? right : left;
  });
}
