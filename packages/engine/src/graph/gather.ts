/** Looking up by integers: rows of a table, or one entry of each row. */
import { elementTypes } from "../onnx/emitter.js";
import { multiply } from "./elementwise.js";
import { matmul } from "./matmul.js";
import { dimension, formatType, ShapeError, tensorType } from "./types.js";
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
