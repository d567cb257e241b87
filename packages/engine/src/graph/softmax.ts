import { reduceSum } from "./broadcast.js";
import { exponential, multiply, subtract } from "./elementwise.js";
import { tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, outputOf, type Value } from "./value.js";

/** exp(x) normalised to sum 1 along the last axis. */
export function softmax(x: Value): Value {
  const last = x.type.shape.length - 1;
  const operation: Operation = {
    name: "softmax",
    lower: (emitter, inputs) => [emitter.emit("Softmax", inputs, { attributes: { axis: { int: -1 } } })],
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const weighted = multiply(gradient, outputOf(node, 0));
      return [dense(subtract(weighted, multiply(outputOf(node, 0), reduceSum(weighted, [last]))))];
    },
  };
  return applySingle(operation, [x], x.type);
}

/** log(softmax(x)) along the last axis, without overflow. */
export function logSoftmax(x: Value): Value {
  const last = x.type.shape.length - 1;
  const operation: Operation = {
    name: "logSoftmax",
    lower: (emitter, inputs) => [emitter.emit("LogSoftmax", inputs, { attributes: { axis: { int: -1 } } })],
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const probabilities = exponential(outputOf(node, 0));
      return [dense(subtract(gradient, multiply(probabilities, reduceSum(gradient, [last]))))];
    },
  };
  return applySingle(operation, [x], x.type);
}

/**
 * log(sum(exp(x))) along the last axis, which stays with one entry, without overflow: the largest entry, less the logarithm of its share.
 * @param shares softmax(x), where that is there already
 */
export function logSumExp(x: Value, shares = softmax(x)): Value {
  const { shape } = x.type;
  const operation: Operation = {
    name: "logSumExp",
    // ONNX Runtime's ReduceLogSumExp takes six times as long as its parts, and its Softmax does in one operator what else takes Sub, Exp and ReduceSum.
    lower(emitter, [values = "", sharesOfValues = ""]) {
      const last = emitter.integers([-1]);
      const largest = (of: string) => emitter.emit("ReduceMax", [of, last], { attributes: { keepdims: { int: 1 } } });
      return [emitter.emit("Sub", [largest(values), emitter.emit("Log", [largest(sharesOfValues)])])];
    },
    derivative: (node, [gradient]) => (gradient === undefined ? [] : [dense(multiply(gradient, inputOf(node, 1)))]),
  };
  return applySingle(operation, [x, shares], tensorType("float32", [...shape.slice(0, -1), 1]));
}
