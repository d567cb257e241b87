/** Operations entry by entry, with NumPy's broadcasting where there are two operands. */

import { reduceSum, sumTo } from "./broadcast.js";
import { contributedDomain } from "./lowering.js";
import { broadcastShape, formatType, ShapeError, sameShape, sizeOf, tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, outputOf, type Value } from "./value.js";

function requireFloat(operation: string, value: Value): void {
  if (value.type.dataType !== "float32") {
    throw new ShapeError(`${operation}: float32 is expected, but ${formatType(value.type)} was given`);
  }
}

function binary(
  name: string,
  operator: string,
  derivative: (gradient: Value, a: Value, b: Value, output: Value) => readonly [Value, Value],
): (a: Value, b: Value) => Value {
  const operation: Operation = {
    name,
    lower: (emitter, inputs) => [emitter.emit(operator, inputs)],
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const [a, b] = [inputOf(node, 0), inputOf(node, 1)];
      const [gradientA, gradientB] = derivative(gradient, a, b, outputOf(node, 0));
      return [dense(sumTo(gradientA, a.type.shape)), dense(sumTo(gradientB, b.type.shape))];
    },
  };
  return (a, b) => {
    requireFloat(name, a);
    requireFloat(name, b);
    return applySingle(operation, [a, b], tensorType("float32", broadcastShape(name, a.type.shape, b.type.shape)));
  };
}

function unary(
  name: string,
  lower: Operation["lower"],
  derivative: (gradient: Value, x: Value, y: Value) => Value,
  options: Pick<Operation, "recompute"> = {},
): (x: Value) => Value {
  const operation: Operation = {
    name,
    ...options,
    lower,
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      return [dense(derivative(gradient, inputOf(node, 0), outputOf(node, 0)))];
    },
  };
  return (x) => {
    requireFloat(name, x);
    return applySingle(operation, [x], x.type);
  };
}

/** a + b, broadcast. */
export const add = binary("add", "Add", (gradient) => [gradient, gradient]);

/** a - b, broadcast. */
export const subtract = binary("subtract", "Sub", (gradient) => [gradient, scale(gradient, -1)]);

/** a * b entry by entry, broadcast. */
export const multiply = binary("multiply", "Mul", (gradient, a, b) => [multiply(gradient, b), multiply(gradient, a)]);

/** a / b entry by entry, broadcast. */
export const divide = binary("divide", "Div", (gradient, _a, b, output) => {
  const gradientA = divide(gradient, b);
  return [gradientA, scale(multiply(gradientA, output), -1)];
});

/** e^x. */
export const exponential = unary(
  "exponential",
  (emitter, inputs) => [emitter.emit("Exp", inputs)],
  (gradient, _x, y) => multiply(gradient, y),
);

/** tanh x. */
export const tanh = unary(
  "tanh",
  (emitter, inputs) => [emitter.emit("Tanh", inputs)],
  (gradient, _x, y) => subtract(gradient, multiply(gradient, multiply(y, y))),
);

/** sin x. */
export const sine: (x: Value) => Value = unary(
  "sine",
  (emitter, inputs) => [emitter.emit("Sin", inputs)],
  (gradient, x) => multiply(gradient, cosine(x)),
);

/** cos x. */
export const cosine: (x: Value) => Value = unary(
  "cosine",
  (emitter, inputs) => [emitter.emit("Cos", inputs)],
  (gradient, x) => scale(multiply(gradient, sine(x)), -1),
);

/** -x. */
export const negate: (x: Value) => Value = unary(
  "negate",
  (emitter, inputs) => [emitter.emit("Neg", inputs)],
  (gradient) => negate(gradient),
  { recompute: "entrywise" },
);

/** 1 / (1 + e^-x). */
export const sigmoid = unary(
  "sigmoid",
  (emitter, inputs) => [emitter.emit("Sigmoid", inputs)],
  (gradient, _x, y) => multiply(gradient, subtract(y, multiply(y, y))),
);

/** x * sigmoid(x), `hidden_act: "silu"` or "swish". Like gelu, its slope needs x, so the result is computed again. */
export const silu = unary(
  "silu",
  (emitter, inputs) => [emitter.emit("Mul", [...inputs, emitter.emit("Sigmoid", inputs)])],
  (gradient, x) => multiply(gradient, siluSlope(x)),
  { recompute: "entrywise" },
);

/** d/dx x * s(x) = s(x) (1 + x (1 - s(x))), where s is the sigmoid. */
function siluSlope(x: Value): Value {
  const operation: Operation = {
    name: "siluSlope",
    lower(emitter, inputs) {
      const sigmoidOfX = emitter.emit("Sigmoid", inputs);
      const one = emitter.floats(1);
      const product = emitter.emit("Mul", [...inputs, emitter.emit("Sub", [one, sigmoidOfX])]);
      return [emitter.emit("Mul", [sigmoidOfX, emitter.emit("Add", [one, product])])];
    },
  };
  return applySingle(operation, [x], x.type);
}

/** max(x, 0); the derivative at 0 is 0. */
export const relu = unary(
  "relu",
  (emitter, inputs) => [emitter.emit("Relu", inputs)],
  (gradient, _x, y) => multiply(gradient, isAboveZero(y)),
);

/** So steep a slope that any normal number above 0 is beyond 1. */
const steepest = 3e38;

/** 1 above 0, else 0. ONNX Runtime takes half as long for this form as for `Sign`. */
function isAboveZero(x: Value): Value {
  const operation: Operation = {
    name: "isAboveZero",
    lower: (emitter, inputs) => [
      emitter.emit("HardSigmoid", inputs, { attributes: { alpha: { float: steepest }, beta: { float: 0 } } }),
    ],
  };
  return applySingle(operation, [x], x.type);
}

/** x times a constant. */
export function scale(x: Value, factor: number): Value {
  requireFloat("scale", x);
  const operation: Operation = {
    name: "scale",
    recompute: "entrywise",
    lower: (emitter, inputs) => [emitter.emit("Mul", [...inputs, emitter.floats(factor)])],
    derivative: (_node, [gradient]) => (gradient === undefined ? [] : [dense(scale(gradient, factor))]),
  };
  return applySingle(operation, [x], x.type);
}

/** x plus a constant. */
export function shift(x: Value, offset: number): Value {
  requireFloat("shift", x);
  const operation: Operation = {
    name: "shift",
    recompute: "entrywise",
    lower: (emitter, inputs) => [emitter.emit("Add", [...inputs, emitter.floats(offset)])],
    derivative: (_node, [gradient]) => (gradient === undefined ? [] : [dense(gradient)]),
  };
  return applySingle(operation, [x], x.type);
}

/**
 * The exact Gaussian error linear unit, x * Phi(x), as BERT's `hidden_act: "gelu"`. Its slope needs x, so x is a residual in
 * any case; to compute the result again costs a hundredth of an encoder layer and saves a fifth of its residuals.
 */
export const gelu = unary(
  "gelu",
  (emitter, inputs) => [emitter.emit("Gelu", inputs, emitter.contributed ? { domain: contributedDomain } : {})],
  (gradient, x) => multiply(gradient, geluSlope(x)),
  { recompute: "entrywise" },
);

/**
 * d/dx x * Phi(x) = Phi(x) + x * phi(x), which is (1 + erf(s)) / 2 + s * exp(-s^2) / sqrt(pi) with s = x / sqrt(2). Each pass over
 * the entries takes as long as memory does, so there are as few as ONNX's operators allow: the constant is in the exponent, and erf,
 * which is never beyond 1, becomes a probability by a linear function that would cut there.
 */
function geluSlope(x: Value): Value {
  const operation: Operation = {
    name: "geluSlope",
    lower(emitter, inputs) {
      const s = emitter.emit("Mul", [...inputs, emitter.floats(Math.SQRT1_2)]);
      const exponent = emitter.emit("Sub", [emitter.floats(-Math.log(Math.PI) / 2), emitter.emit("Mul", [s, s])]);
      const bell = emitter.emit("Mul", [s, emitter.emit("Exp", [exponent])]);
      const half = { attributes: { alpha: { float: 0.5 }, beta: { float: 0.5 } } };
      const distribution = emitter.emit("HardSigmoid", [emitter.emit("Erf", [s])], half);
      return [emitter.emit("Add", [distribution, bell])];
    },
  };
  return applySingle(operation, [x], x.type);
}

/**
 * The tanh approximation of gelu, `hidden_act: "gelu_new"` or "gelu_pytorch_tanh":
 * 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
 */
export function geluTanh(x: Value): Value {
  const cube = multiply(x, multiply(x, x));
  const inner = scale(add(x, scale(cube, 0.044715)), Math.sqrt(2 / Math.PI));
  return scale(add(x, multiply(x, tanh(inner))), 0.5);
}

/**
 * Inverted dropout: entries whose `mask` is 0 become 0, the others are divided by 1 - rate. The mask, of x's shape, is
 * drawn outside the graph (see `fillDropoutMask`), so that the backward function sees the same one.
 */
export function dropout(x: Value, mask: Value, rate: number): Value {
  requireFloat("dropout", x);
  if (mask.type.dataType !== "bool" || !sameShape(mask.type.shape, x.type.shape)) {
    throw new ShapeError(`dropout: the mask of ${formatType(x.type)} cannot be ${formatType(mask.type)}`);
  }
  const operation: Operation = {
    name: "dropout",
    recompute: "entrywise",
    lower(emitter, [value = "", kept = ""]) {
      const scaled = emitter.emit("Mul", [value, emitter.floats(1 / (1 - rate))]);
      return [emitter.emit("Where", [kept, scaled, emitter.floats(0)])];
    },
    derivative: (_node, [gradient]) =>
      gradient === undefined ? [] : [dense(dropout(gradient, mask, rate)), undefined],
  };
  return applySingle(operation, [x, mask], x.type);
}

/** The mean over `axes`, which keep size 1. */
export function reduceMean(x: Value, axes: readonly number[]): Value {
  const sum = reduceSum(x, axes);
  return scale(sum, sizeOf(sum.type.shape) / sizeOf(x.type.shape));
}
