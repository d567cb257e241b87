/** Looking up by integers: rows of a table, or entries of each row. */

import { broadcastTo } from "./broadcast.js";
import { multiply } from "./elementwise.js";
import { elementTypes } from "./lowering.js";
import { matmul } from "./matmul.js";
import { broadcastShape, dimension, formatType, ShapeError, sameShape, tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, type Value } from "./value.js";

function requireIndices(operation: string, indices: Value): void {
  if (indices.type.dataType !== "int32" || indices.type.shape.length !== 1) {
    throw new ShapeError(`${operation}: indices are int32[n], but ${formatType(indices.type)} was given`);
  }
}

/** Rows of a table [rows, columns] at `indices` [n]: [n, columns]. */
export function gather(table: Value, indices: Value): Value {
  requireIndices("gather", indices);
  if (table.type.shape.length !== 2) {
    throw new ShapeError(`gather: the table needs two axes, but ${formatType(table.type)} was given`);
  }
  const operation: Operation = {
    name: "gather",
    lower: (emitter, inputs) => [emitter.emit("Gather", inputs, { attributes: { axis: { int: 0 } } })],
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const rows = dimension(inputOf(node, 0).type.shape, 0);
      // A product with the one-hot rows adds repeated rows in a fixed order, which scattering does not promise.
      return [dense(matmul(oneHot(indices, rows), gradient, { transposeA: true })), undefined];
    },
  };
  const shape = [dimension(indices.type.shape, 0), dimension(table.type.shape, 1)];
  return applySingle(operation, [table, indices], tensorType("float32", shape));
}

/** Entry `indices[i]` of row i of x [n, columns]: [n, 1]. Picks the label's log-probability. */
export function takeAlongRows(x: Value, indices: Value): Value {
  requireIndices("takeAlongRows", indices);
  const rows = dimension(indices.type.shape, 0);
  if (x.type.shape.length !== 2 || dimension(x.type.shape, 0) !== rows) {
    throw new ShapeError(`takeAlongRows: ${formatType(x.type)} does not have ${rows} rows`);
  }
  const operation: Operation = {
    name: "takeAlongRows",
    lower(emitter, [values = "", positions = ""]) {
      const column = emitter.emit("Reshape", [positions, emitter.integers([rows, 1])]);
      return [emitter.emit("GatherElements", [values, column], { attributes: { axis: { int: 1 } } })];
    },
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const columns = dimension(inputOf(node, 0).type.shape, 1);
      return [dense(multiply(gradient, oneHot(indices, columns))), undefined];
    },
  };
  return applySingle(operation, [x, indices], tensorType("float32", [rows, 1]));
}

/**
 * Entries along the last axis, as many for each row of x as `indices` has in its row: result[..., i, j] is
 * x[..., i, indices[..., i, j]] for x [..., n, r] and indices [..., n, k]. Indices that all leading axes have in common may
 * be [n, k] alone. DeBERTa takes the scores of relative positions this way.
 * @throws ShapeError where the indices are no integers or do not broadcast to the rows of x.
 */
export function takeAlongLast(x: Value, indices: Value): Value {
  const rows = x.type.shape.slice(0, -1);
  const count = indices.type.shape[indices.type.shape.length - 1];
  if (indices.type.dataType !== "int32" || count === undefined || x.type.shape.length === 0) {
    throw new ShapeError(`takeAlongLast: ${formatType(indices.type)} cannot index ${formatType(x.type)}`);
  }
  const shape = [...rows, count];
  if (!sameShape(broadcastShape("takeAlongLast", indices.type.shape.slice(0, -1), rows), rows)) {
    throw new ShapeError(`takeAlongLast: ${formatType(indices.type)} has more rows than ${formatType(x.type)}`);
  }
  const everywhere = sameShape(indices.type.shape, shape) ? indices : broadcastTo(indices, shape);
  const operation: Operation = {
    name: "takeAlongLast",
    lower: (emitter, inputs) => [emitter.emit("GatherElements", inputs, { attributes: { axis: { int: -1 } } })],
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const [{ type }, positions] = [inputOf(node, 0), inputOf(node, 1)];
      return [dense(addAlongLast(gradient, positions, dimension(type.shape, -1))), undefined];
    },
  };
  return applySingle(operation, [x, everywhere], tensorType("float32", shape));
}

/** Zeros [..., n, size], with values [..., n, k] added at `indices` [..., n, k] of the last axis, one after another. */
function addAlongLast(values: Value, indices: Value, size: number): Value {
  const shape = [...values.type.shape.slice(0, -1), size];
  const operation: Operation = {
    name: "addAlongLast",
    lower(emitter, [added = "", positions = ""]) {
      // A zero made of an index. Zeros known beforehand would be made once and kept with the compiled function.
      const [start, end, axes] = [0, 1, undefined].map((each) =>
        emitter.integers(shape.map((_, axis) => each ?? axis)),
      );
      const index = emitter.emit("Slice", [positions, start ?? "", end ?? "", axes ?? ""]);
      const float = emitter.emit("Cast", [index], { attributes: { to: { int: elementTypes.float32 } } });
      const zero = emitter.emit("Mul", [float, emitter.floats(0)]);
      const zeros = emitter.emit("Expand", [zero, emitter.integers(shape)]);
      // ONNX Runtime's CPU kernel adds in the order of the values on one thread, so results repeat bit for bit.
      return [
        emitter.emit("ScatterElements", [zeros, positions, added], {
          attributes: { axis: { int: -1 }, reduction: { string: "add" } },
        }),
      ];
    },
    derivative: (node, [gradient]) =>
      gradient === undefined ? [] : [dense(takeAlongLast(gradient, inputOf(node, 1))), undefined],
  };
  return applySingle(operation, [values, indices], tensorType("float32", shape));
}

/** Row i is zero but for a one at `indices[i]`: [n, columns]. */
export function oneHot(indices: Value, columns: number): Value {
  requireIndices("oneHot", indices);
  const operation: Operation = {
    name: "oneHot",
    recompute: "view",
    lower(emitter, inputs) {
      const positions = emitter.emit("Cast", inputs, { attributes: { to: { int: elementTypes.int64 } } });
      return [emitter.emit("OneHot", [positions, emitter.integers([columns]), emitter.floats([0, 1])])];
    },
  };
  return applySingle(operation, [indices], tensorType("float32", [dimension(indices.type.shape, 0), columns]));
}
