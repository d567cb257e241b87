/** Counting places: what models compute positions from. None of these has a gradient. */
import { elementTypes } from "./lowering.js";
import { axisOf, formatType, ShapeError, tensorType } from "./types.js";
import { applySingle, type Value } from "./value.js";

/** int32 [count]: 0, 1, 2, ... */
export function indices(count: number): Value {
  return applySingle(
    {
      name: "indices",
      recompute: "view",
      lower(emitter) {
        const scalar = (value: number) => emitter.emit("Squeeze", [emitter.integers([value])]);
        const range = emitter.emit("Range", [scalar(0), scalar(count), scalar(1)]);
        return [emitter.emit("Cast", [range], { attributes: { to: { int: elementTypes.int32 } } })];
      },
    },
    [],
    tensorType("int32", [count]),
  );
}

/** The sum of each entry and those before it along an axis; a negative axis counts from the end. */
export function cumulativeSum(x: Value, axis: number): Value {
  if (x.type.dataType !== "float32") {
    throw new ShapeError(`cumulativeSum: float32 is expected, but ${formatType(x.type)} was given`);
  }
  const along = axisOf("cumulativeSum", x.type.shape, axis);
  return applySingle(
    {
      name: "cumulativeSum",
      lower: (emitter, inputs) => [emitter.emit("CumSum", [...inputs, emitter.integers([along])])],
      derivative: () => [],
    },
    [x],
    x.type,
  );
}

/** Whole numbers that are held as float32 as int32. */
export function toInt32(x: Value): Value {
  return applySingle(
    {
      name: "toInt32",
      lower: (emitter, inputs) => [emitter.emit("Cast", inputs, { attributes: { to: { int: elementTypes.int32 } } })],
      derivative: () => [],
    },
    [x],
    tensorType("int32", x.type.shape),
  );
}
