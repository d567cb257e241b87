/** Repeating along axes and summing over them: each is the derivative of the other. */
import { reshape } from "./shape.js";
import { broadcastShape, formatShape, type Shape, ShapeError, sameShape, tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, type Value } from "./value.js";

/** x repeated along axes of size 1 (or new leading axes) up to `shape`. */
export function broadcastTo(x: Value, shape: Shape): Value {
  const from = x.type.shape;
  if (!sameShape(broadcastShape("broadcastTo", from, shape), shape)) {
    throw new ShapeError(`broadcastTo: ${formatShape(from)} does not broadcast to ${formatShape(shape)}`);
  }
  const operation: Operation = {
    name: "broadcastTo",
    recompute: "view",
    lower: (emitter, inputs) => [emitter.emit("Expand", [...inputs, emitter.integers(shape)])],
    derivative(_node, [gradient]) {
      if (gradient === undefined) return [];
      return [dense(sumTo(gradient, from))];
    },
  };
  return applySingle(operation, [x], tensorType(x.type.dataType, shape));
}

/** The sum over `axes`, which keep size 1. */
export function reduceSum(x: Value, axes: readonly number[]): Value {
  const { shape } = x.type;
  if (axes.some((axis) => shape[axis] === undefined)) {
    throw new ShapeError(`reduceSum: ${formatShape(shape)} does not have the axes ${formatShape(axes)}`);
  }
  const operation: Operation = {
    name: "reduceSum",
    lower: (emitter, inputs) => [emitter.emit("ReduceSum", [...inputs, emitter.integers(axes)])],
    derivative: (node, [gradient]) =>
      gradient === undefined ? [] : [dense(broadcastTo(gradient, inputOf(node, 0).type.shape))],
  };
  return applySingle(
    operation,
    [x],
    tensorType(
      "float32",
      shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
    ),
  );
}

/** Sums a gradient over the axes along which a value of this shape was broadcast. */
export function sumTo(gradient: Value, shape: Shape): Value {
  const gradientShape = gradient.type.shape;
  if (sameShape(gradientShape, shape)) return gradient;
  const added = gradientShape.length - shape.length;
  const axes = gradientShape.flatMap((size, axis) =>
    axis < added || (shape[axis - added] === 1 && size !== 1) ? [axis] : [],
  );
  return reshape(axes.length === 0 ? gradient : reduceSum(gradient, axes), shape);
}
