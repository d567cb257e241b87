import { input, matmul, sizeOf, tensorFunction } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";

/** A matrix of rows and columns. */
export type Matrix = readonly [rows: number, columns: number];

/** ONNX Runtime's product of two matrices, alone in a function. */
export interface BoundProduct {
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly run: () => Promise<void>;
  readonly release: () => Promise<void>;
}

/** The product of a left and a right matrix on so many threads, bound to memory that is filled with sines. */
export async function boundProduct(
  [leftSides, rightSides]: readonly [left: Matrix, right: Matrix],
  transposed: Parameters<typeof matmul>[2],
  threads: number,
): Promise<BoundProduct> {
  const [left, right] = [input("float32", leftSides), input("float32", rightSides)];
  const inputs = Object.entries({ left, right }).map(([name, value]) => ({ name, value }));
  const product = matmul(left, right, transposed);
  const runtime = await cpuRuntime({ threads });
  const compiled = await runtime.compile(tensorFunction("product", inputs, [{ name: "product", value: product }]));
  const factors = { left: sines(sizeOf(leftSides)), right: sines(sizeOf(rightSides)) };
  const run = compiled.bind(
    new Map(Object.entries({ ...factors, product: new Float32Array(sizeOf(product.type.shape)) })),
  );
  return { ...factors, run, release: () => compiled.release() };
}

/** Numbers between -1 and 1 that do not repeat. */
export function sines(length: number): Float32Array {
  return Float32Array.from({ length }, (_, index) => Math.sin(index + 1));
}
