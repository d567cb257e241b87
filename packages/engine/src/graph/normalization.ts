import { reduceSum } from "./broadcast.js";
import { multiply, reduceMean, subtract } from "./elementwise.js";
import { reshape } from "./shape.js";
import { dimension, formatShape, ShapeError, sameShape, tensorType } from "./types.js";
import { applyOperation, dense, inputOf, type Operation, outputOf, type Value } from "./value.js";

/**
 * Layer normalisation along the last axis: (x - mean) / sqrt(variance + epsilon) * weight + bias, weight and bias of
 * that axis's size. Mean and inverse deviation are further outputs of the same ONNX node, so the backward function
 * gets them for nothing.
 */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  const { shape } = x.type;
  const size = dimension(shape, -1);
  for (const parameter of [weight, bias]) {
    if (!sameShape(parameter.type.shape, [size])) {
      throw new ShapeError(`layerNorm: ${formatShape(parameter.type.shape)} does not fit x ${formatShape(shape)}`);
    }
  }
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
        dense(reshape(reduceSum(gradient, leading), [size])),
      ];
    },
  };
  const statistics = tensorType("float32", [...shape.slice(0, -1), 1]);
  const [normalised] = applyOperation(operation, [x, weight, bias], [x.type, statistics, statistics]);
  if (normalised === undefined) throw new Error("layerNorm yields no output");
  return normalised;
}
