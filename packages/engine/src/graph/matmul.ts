import { reduceSum } from "./broadcast.js";
import { contributedDomain, type Emitter } from "./lowering.js";
import { reshape } from "./shape.js";
import { dimension, formatShape, ShapeError, sameShape, sizeOf, tensorType } from "./types.js";
import { applySingle, dense, inputOf, type Operation, type Value } from "./value.js";

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** A factor on the product, free of cost. */
  readonly scale?: number;
}

/**
 * The matrix product of the last two axes, scale * op(a) op(b); leading axes are batches and must be equal.
 * @throws ShapeError when the inner sizes or the batches differ.
 */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  const { transposeA = false, transposeB = false, scale: factor = 1 } = options;
  const [shapeA, shapeB] = [a.type.shape, b.type.shape];
  const fail = (reason: string) =>
    new ShapeError(`matmul: ${formatShape(shapeA)} and ${formatShape(shapeB)} ${reason}`);
  if (shapeA.length < 2 || shapeA.length !== shapeB.length) throw fail("need two axes or more, and equally many");
  const batch = shapeA.slice(0, -2);
  if (!sameShape(batch, shapeB.slice(0, -2))) throw fail("have different batches");
  const inner = dimension(shapeA, transposeA ? -2 : -1);
  if (inner !== dimension(shapeB, transposeB ? -1 : -2)) throw fail("have different inner sizes");
  const shape = [...batch, dimension(shapeA, transposeA ? -1 : -2), dimension(shapeB, transposeB ? -2 : -1)];
  const operation: Operation = {
    name: "matmul",
    lower: (emitter, inputs) => [lowerMatmul(emitter, inputs, shape.length, { transposeA, transposeB, scale: factor })],
    derivative(_node, [gradient]) {
      if (gradient === undefined) return [];
      const gradientA = transposeA
        ? matmul(b, gradient, { transposeA: transposeB, transposeB: true, scale: factor })
        : matmul(gradient, b, { transposeB: !transposeB, scale: factor });
      const gradientB = transposeB
        ? matmul(gradient, a, { transposeA: true, transposeB: transposeA, scale: factor })
        : matmul(a, gradient, { transposeA: !transposeA, scale: factor });
      return [dense(gradientA), dense(gradientB)];
    },
  };
  return applySingle(operation, [a, b], tensorType("float32", shape));
}

function lowerMatmul(
  emitter: Emitter,
  [a = "", b = ""]: readonly string[],
  rank: number,
  { transposeA, transposeB, scale: factor }: Required<MatmulOptions>,
): string {
  if (!transposeA && !transposeB && factor === 1) return emitter.emit("MatMul", [a, b]);
  if (emitter.contributed) {
    const attributes = {
      alpha: { float: factor },
      transA: { int: Number(transposeA) },
      transB: { int: Number(transposeB) },
    };
    return emitter.emit("FusedMatMul", [a, b], { domain: contributedDomain, attributes });
  }
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const perm = [...axes.slice(0, -2), rank - 1, rank - 2];
  const turned = (x: string) => emitter.emit("Transpose", [x], { attributes: { perm: { ints: perm } } });
  const left = factor === 1 ? a : emitter.emit("Mul", [a, emitter.floats(factor)]);
  return emitter.emit("MatMul", [transposeA ? turned(left) : left, transposeB ? turned(b) : b]);
}

/**
 * x W^T + b for x [n, in], W [out, in] as PyTorch and Hugging Face checkpoints hold it, b [out]. W may have more axes: all after the
 * first are `in`, as of a convolution whose windows do not overlap. The gradient of W is handed out as its two factors, dy and x
 * (see `ProductCotangent`).
 * @throws ShapeError naming the shapes when they do not fit.
 */
export function linear(x: Value, weight: Value, bias?: Value): Value {
  const [shape, weightShape] = [x.type.shape, weight.type.shape];
  const fail = (what: string) =>
    new ShapeError(`linear: ${what} (x ${formatShape(shape)}, weight ${formatShape(weightShape)})`);
  if (shape.length !== 2 || weightShape.length < 2) throw fail("x and the weight need two axes");
  const outputs = dimension(weightShape, 0);
  const matrix = [outputs, sizeOf(weightShape.slice(1))];
  if (dimension(shape, 1) !== matrix[1]) throw fail("x and the weight have different inner sizes");
  if (bias !== undefined && !sameShape(bias.type.shape, [outputs])) {
    throw fail(`the bias ${formatShape(bias.type.shape)} does not fit`);
  }
  const operation: Operation = {
    name: "linear",
    lower(emitter, [input = "", given = "", ...others]) {
      const flat = weightShape.length === 2 ? given : emitter.emit("Reshape", [given, emitter.integers(matrix)]);
      return [emitter.emit("Gemm", [input, flat, ...others], { attributes: { transB: { int: 1 } } })];
    },
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const gradientX = dense(matmul(gradient, reshape(inputOf(node, 1), matrix)));
      const [left, right] = [gradient, inputOf(node, 0)];
      const whole = () => reshape(matmul(left, right, { transposeA: true }), weightShape);
      const gradientWeight = { kind: "product", left, right, whole } as const;
      if (bias === undefined) return [gradientX, gradientWeight];
      return [gradientX, gradientWeight, dense(reshape(reduceSum(gradient, [0]), [outputs]))];
    },
  };
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  return applySingle(operation, inputs, tensorType("float32", [dimension(shape, 0), outputs]));
}
