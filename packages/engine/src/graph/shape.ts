/** Operations that only rearrange: the backward function computes them again instead of keeping their result. */
import { formatShape, type Shape, ShapeError, sameShape, sizeOf, tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, type Value } from "./value.js";

/** The same entries in row-major order under another shape. */
export function reshape(x: Value, shape: Shape): Value {
  if (sizeOf(x.type.shape) !== sizeOf(shape)) {
    throw new ShapeError(`reshape: ${formatShape(x.type.shape)} cannot become ${formatShape(shape)}`);
  }
  if (sameShape(x.type.shape, shape)) return x;
  const operation: Operation = {
    name: "reshape",
    recompute: "view",
    lower: (emitter, inputs) => [emitter.emit("Reshape", [...inputs, emitter.integers(shape)])],
    derivative: (node, [gradient]) =>
      gradient === undefined ? [] : [dense(reshape(gradient, inputOf(node, 0).type.shape))],
  };
  return applySingle(operation, [x], tensorType(x.type.dataType, shape));
}

/** Axis i of the result is axis order[i] of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  const { shape, dataType } = x.type;
  const isPermutation = order.length === shape.length && shape.every((_, axis) => order.includes(axis));
  if (!isPermutation) {
    throw new ShapeError(`transpose: ${formatShape(order)} is not an order of the axes of ${formatShape(shape)}`);
  }
  const inverse = order.map((_, axis) => order.indexOf(axis));
  const operation: Operation = {
    name: "transpose",
    recompute: "view",
    lower: (emitter, inputs) => [emitter.emit("Transpose", inputs, { attributes: { perm: { ints: order } } })],
    derivative: (_node, [gradient]) => (gradient === undefined ? [] : [dense(transpose(gradient, inverse))]),
  };
  return applySingle(
    operation,
    [x],
    tensorType(
      dataType,
      order.map((axis) => shape[axis] ?? 0),
    ),
  );
}
