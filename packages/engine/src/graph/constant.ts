import { formatShape, type Shape, ShapeError, sizeOf, tensorType } from "./types.js";
import { applySingle, type Value } from "./value.js";

/**
 * Floats that are a part of the function itself, in row-major order; they have no gradient. It is for a few numbers: each
 * compiled function holds a copy, so larger tables are better inputs.
 * @throws ShapeError where there are not as many as the shape has entries.
 */
export function constant(values: readonly number[], shape: Shape = [values.length]): Value {
  if (values.length !== sizeOf(shape)) {
    throw new ShapeError(`constant: ${values.length} values do not fill ${formatShape(shape)}`);
  }
  return applySingle(
    { name: "constant", recompute: "view", lower: (emitter) => [emitter.floats(values, shape)] },
    [],
    tensorType("float32", shape),
  );
}
