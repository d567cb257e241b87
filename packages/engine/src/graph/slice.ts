/** Cutting a tensor along an axis and putting tensors together along one: each is the derivative of the other. */
import { reshape } from "./shape.js";
import { axisOf, dimension, formatShape, formatType, type Shape, ShapeError, sameShape, tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, type Value } from "./value.js";

/**
 * The entries from `start` up to, not including, `end` along an axis, or every `step`-th of them; a negative axis counts from the
 * end. Several slices split a tensor, a joint projection into queries, keys and values for instance.
 * @throws ShapeError where the axis has no such entries.
 */
export function slice(x: Value, axis: number, start: number, end: number, step = 1): Value {
  const { shape, dataType } = x.type;
  const along = axisOf("slice", shape, axis);
  const size = dimension(shape, along);
  const areCounts = [start, end, step].every(Number.isSafeInteger);
  if (!areCounts || start < 0 || end <= start || end > size || step < 1) {
    throw new ShapeError(`slice: ${formatShape(shape)} has no entries ${start} to ${end} along axis ${axis}`);
  }
  if (end - start === size && step === 1) return x;
  const count = Math.ceil((end - start) / step);
  const operation: Operation = {
    name: "slice",
    recompute: "view",
    lower(emitter, inputs) {
      const bounds = [[start], [end], [along], ...(step === 1 ? [] : [[step]])].map((list) => emitter.integers(list));
      return [emitter.emit("Slice", [...inputs, ...bounds])];
    },
    derivative(_node, [gradient]) {
      if (gradient === undefined) return [];
      const spread = spaced(gradient, along, step);
      const reached = start + (count - 1) * step + 1;
      return [dense(pad(spread, along, start, size - reached))];
    },
  };
  return applySingle(operation, [x], tensorType(dataType, withSize(shape, along, count)));
}

/** x with `step` - 1 zeros between its entries along an axis. */
function spaced(x: Value, axis: number, step: number): Value {
  if (step === 1) return x;
  const { shape } = x.type;
  const size = dimension(shape, axis);
  const apart = reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  const filled = reshape(pad(apart, axis + 1, 0, step - 1), withSize(shape, axis, size * step));
  return slice(filled, axis, 0, (size - 1) * step + 1);
}

/**
 * x with `before` zeros before it along an axis and `after` zeros after it; a negative axis counts from the end.
 * @throws ShapeError where there is no such axis, or a number of zeros is none.
 */
export function pad(x: Value, axis: number, before: number, after: number): Value {
  const { shape, dataType } = x.type;
  const along = axisOf("pad", shape, axis);
  const size = dimension(shape, along);
  if (![before, after].every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw new ShapeError(
      `pad: ${before} and ${after} zeros cannot be put around axis ${axis} of ${formatShape(shape)}`,
    );
  }
  if (before === 0 && after === 0) return x;
  const operation: Operation = {
    name: "pad",
    lower(emitter, inputs) {
      const pads = [before, after].flatMap((count) => shape.map((_, other) => (other === along ? count : 0)));
      return [emitter.emit("Pad", [...inputs, emitter.integers(pads)])];
    },
    derivative: (_node, [gradient]) =>
      gradient === undefined ? [] : [dense(slice(gradient, along, before, before + size))],
  };
  return applySingle(operation, [x], tensorType(dataType, withSize(shape, along, before + size + after)));
}

/**
 * The entry at `index` along an axis, which disappears; the derivative puts the gradient back among zeros. BERT's pooler
 * takes the first token's row this way.
 */
export function takeIndex(x: Value, axis: number, index: number): Value {
  const { shape } = x.type;
  const size = shape[axis];
  if (size === undefined || index < 0 || index >= size) {
    throw new ShapeError(`takeIndex: ${formatShape(shape)} has no entry ${index} along axis ${axis}`);
  }
  const taken = shape.filter((_, other) => other !== axis);
  return reshape(slice(x, axis, index, index + 1), taken);
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
