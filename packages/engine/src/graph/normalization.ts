import { reduceSum } from "./broadcast.js";
import { multiply, reduceMean, subtract } from "./elementwise.js";
import type { Emitter } from "./lowering.js";
import { reshape } from "./shape.js";
import { dimension, formatShape, formatType, ShapeError, sameShape, tensorType } from "./types.js";
import { applyOperation, applySingle, dense, inputOf, type Operation, outputOf, type Value } from "./value.js";

/** @throws ShapeError where a parameter is not a vector of the size of x's last axis. */
function requireFit(operation: string, x: Value, parameters: readonly Value[]): void {
  for (const { type } of parameters) {
    if (!sameShape(type.shape, [dimension(x.type.shape, -1)])) {
      throw new ShapeError(`${operation}: ${formatShape(type.shape)} does not fit x ${formatShape(x.type.shape)}`);
    }
  }
}

/**
 * Layer normalisation along the last axis: (x - mean) / sqrt(variance + epsilon) * weight + bias, weight and bias of
 * that axis's size; there may be no bias. Mean and inverse deviation are further outputs of the same ONNX node, so the
 * backward function gets them for nothing.
 */
export function layerNorm(x: Value, weight: Value, bias: Value | undefined, epsilon: number): Value {
  const { shape } = x.type;
  const size = dimension(shape, -1);
  const parameters = bias === undefined ? [weight] : [weight, bias];
  requireFit("layerNorm", x, parameters);
  const last = shape.length - 1;
  const leading = shape.slice(0, -1).map((_, axis) => axis);
  const operation: Operation = {
    name: "layerNorm",
    lower: (emitter, inputs) =>
      emitter.emitSeveral("LayerNormalization", inputs, {
        outputs: 3,
        attributes: { axis: { int: -1 }, epsilon: { float: epsilon } },
      }),
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const inverseDeviation = outputOf(node, 2);
      const normalised = multiply(subtract(inputOf(node, 0), outputOf(node, 1)), inverseDeviation);
      const scaled = multiply(gradient, inputOf(node, 1));
      const projection = multiply(normalised, reduceMean(multiply(scaled, normalised), [last]));
      const centred = subtract(subtract(scaled, reduceMean(scaled, [last])), projection);
      return [
        dense(multiply(centred, inverseDeviation)),
        dense(reshape(reduceSum(multiply(gradient, normalised), leading), [size])),
        ...(bias === undefined ? [] : [dense(reshape(reduceSum(gradient, leading), [size]))]),
      ];
    },
  };
  const statistics = tensorType("float32", [...shape.slice(0, -1), 1]);
  const [normalised] = applyOperation(operation, [x, ...parameters], [x.type, statistics, statistics]);
  if (normalised === undefined) throw new Error("layerNorm yields no output");
  return normalised;
}

/**
 * Normalisation by the root mean square along the last axis: x / sqrt(mean(x^2) + epsilon) * weight, weight of that axis's
 * size. The inverse of the root is a further output of the same ONNX node.
 */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  const { shape } = x.type;
  requireFit("rmsNorm", x, [weight]);
  const last = shape.length - 1;
  const leading = shape.slice(0, -1).map((_, axis) => axis);
  const operation: Operation = {
    name: "rmsNorm",
    lower(emitter, inputs) {
      if (!emitter.contributed) return lowerRmsNorm(emitter, inputs, epsilon);
      return emitter.emitSeveral("SimplifiedLayerNormalization", inputs, {
        outputs: 2,
        attributes: { axis: { int: -1 }, epsilon: { float: epsilon } },
      });
    },
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const inverseRoot = outputOf(node, 1);
      const normalised = multiply(inputOf(node, 0), inverseRoot);
      const scaled = multiply(gradient, inputOf(node, 1));
      const projection = multiply(normalised, reduceMean(multiply(scaled, normalised), [last]));
      return [
        dense(multiply(subtract(scaled, projection), inverseRoot)),
        dense(reshape(reduceSum(multiply(gradient, normalised), leading), weight.type.shape)),
      ];
    },
  };
  const [normalised] = applyOperation(
    operation,
    [x, weight],
    [x.type, tensorType("float32", [...shape.slice(0, -1), 1])],
  );
  if (normalised === undefined) throw new Error("rmsNorm yields no output");
  return normalised;
}

/**
 * The l2 norm of each row of a matrix, [rows]. It counts as a constant: gradients do not go through it, as weight-decomposed
 * adapters want it (DoRA, section 4.3).
 */
export function constantRowNorms(x: Value): Value {
  const [rows] = x.type.shape;
  if (x.type.shape.length !== 2 || rows === undefined) {
    throw new ShapeError(`constantRowNorms: ${formatType(x.type)} is no matrix`);
  }
  const operation: Operation = {
    name: "constantRowNorms",
    lower: (emitter, [values = ""]) => [
      emitter.emit("ReduceL2", [values, emitter.integers([1])], { attributes: { keepdims: { int: 0 } } }),
    ],
    derivative: () => [],
  };
  return applySingle(operation, [x], tensorType("float32", [rows]));
}

/** In operators that ONNX has, in the order in which engines know them for a normalisation; its second result is for derivatives. */
function lowerRmsNorm(emitter: Emitter, [x = "", weight = ""]: readonly string[], epsilon: number): string[] {
  const normalised = emitter.widely([x], ([wide = ""]) => {
    const square = emitter.emit("Pow", [wide, emitter.floats(2)]);
    const mean = emitter.emit("ReduceMean", [square, emitter.integers([-1])]);
    return emitter.emit("Div", [wide, emitter.emit("Sqrt", [emitter.emit("Add", [mean, emitter.floats(epsilon)])])]);
  });
  return [emitter.emit("Mul", [normalised, weight])];
}
