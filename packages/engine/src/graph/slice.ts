/** Cutting a tensor along an axis and putting tensors together along one: each is the derivative of the other. */
import { axisOf, dimension, formatShape, formatType, type Shape, ShapeError, sameShape, tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, type Value } from "./value.js";

/**
 * The entries from `start` up to, not including, `end` along an axis; a negative axis counts from the end. Several slices
 * split a tensor, a joint projection into queries, keys and values for instance.
 * @throws ShapeError where the axis has no such entries.
 */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const { shape, dataType } = x.type;
  const along = axisOf("slice", shape, axis);
  const size = dimension(shape, along);
  if (![start, end].every(Number.isSafeInteger) || start < 0 || end <= start || end > size) {
    throw new ShapeError(`slice: ${formatShape(shape)} has no entries ${start} to ${end} along axis ${axis}`);
  }
  if (end - start === size) return x;
  const operation: Operation = {
    name: "slice",
    recompute: "view",
    lower(emitter, inputs) {
      const bounds = [[start], [end], [along]].map((list) => emitter.integers(list));
      return [emitter.emit("Slice", [...inputs, ...bounds])];
    },
    derivative: (_node, [gradient]) =>
      gradient === undefined ? [] : [dense(padWithZeros(gradient, along, start, size - end))],
  };
  return applySingle(operation, [x], tensorType(dataType, withSize(shape, along, end - start)));
}

/** x with `before` zeros before it along an axis and `after` zeros after it. */
function padWithZeros(x: Value, axis: number, before: number, after: number): Value {
  const { shape, dataType } = x.type;
  const size = dimension(shape, axis);
  const operation: Operation = {
    name: "padWithZeros",
    lower(emitter, inputs) {
      const pads = [before, after].flatMap((count) => shape.map((_, other) => (other === axis ? count : 0)));
      return [emitter.emit("Pad", [...inputs, emitter.integers(pads)])];
    },
    derivative: (_node, [gradient]) =>
      gradient === undefined ? [] : [dense(slice(gradient, axis, before, before + size))],
  };
  return applySingle(operation, [x], tensorType(dataType, withSize(shape, axis, before + size + after)));
}

/**
 * Tensors one after another along an axis; a negative axis counts from the end.
 * @throws ShapeError where there is none, or they differ in type or along another axis.
 */
export function concatenate(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (first === undefined) throw new ShapeError("concatenate: there are no tensors");
  if (values.length === 1) return first;
  const { shape, dataType } = first.type;
  const along = axisOf("concatenate", shape, axis);
  const sizes = values.map(({ type }) => {
    const fits =
      type.shape.length === shape.length && sameShape(withSize(type.shape, along, 1), withSize(shape, along, 1));
    if (!fits || type.dataType !== dataType) {
      throw new ShapeError(
        `concatenate: ${formatType(first.type)} and ${formatType(type)} do not fit together along axis ${axis}`,
      );
    }
    return dimension(type.shape, along);
  });
  const operation: Operation = {
    name: "concatenate",
    recompute: "view",
    lower: (emitter, inputs) => [emitter.emit("Concat", inputs, { attributes: { axis: { int: along } } })],
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      let start = 0;
      return node.inputs.map((_, index) => {
        const end = start + dimension(inputOf(node, index).type.shape, along);
        const part = slice(gradient, along, start, end);
        start = end;
        return dense(part);
      });
    },
  };
  const size = sizes.reduce((sum, each) => sum + each, 0);
  return applySingle(operation, values, tensorType(dataType, withSize(shape, along, size)));
}

function withSize(shape: Shape, axis: number, size: number): Shape {
  return shape.map((each, other) => (other === axis ? size : each));
}
