/**
 * The layer on TensorFlow.js with its WebAssembly backend. In Node the backend takes its SIMD binary and one thread: it
 * turns threads off there, and with its flag forced on it does not start.
 *
 * `@tensorflow/tfjs` is needed besides its parts: only its entry for Node registers the gradients of operations.
 *
 * The library's own gradient of `matMul` multiplies by transposed matrices, for which its WebAssembly backend has a
 * kernel about ten times as slow as the one for matrices as they are; the layer's step takes 18 seconds with it instead
 * of 2. Products are therefore derived here by gradients that transpose first, as a user in need of speed would.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { given, type LayerProblem, type Numbers, type PreparedLayer } from "./problem.js";

/** Packages by their names, with the versions that the bench was written for. */
export const tensorflowPackages = { "@tensorflow/tfjs": "4.22.0", "@tensorflow/tfjs-backend-wasm": "4.22.0" } as const;

interface Tensor {
  readonly shape: number[];
  dataSync(): Float32Array;
}

type Derived = { readonly value: Tensor; readonly gradFunc: (gradient: Tensor, saved: Tensor[]) => Tensor[] };
type Save = (tensors: Tensor[]) => void;

/** The part of the library that the layer uses. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  div(a: Tensor, b: Tensor): Tensor;
  sqrt(x: Tensor): Tensor;
  erf(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, axes: readonly number[]): Tensor;
  moments(x: Tensor, axis: number, keepDimensions: boolean): { readonly mean: Tensor; readonly variance: Tensor };
  customGrad(derived: (a: Tensor, b: Tensor, save: Save) => Derived): (a: Tensor, b: Tensor) => Tensor;
  valueAndGrads(
    layer: (...inputs: Tensor[]) => Tensor,
  ): (inputs: readonly Tensor[], cotangent: Tensor) => { readonly value: Tensor; readonly grads: Tensor[] };
  dispose(tensors: unknown): void;
}

interface WasmBackend {
  setWasmPaths(folder: string): void;
}

/** A function that makes the layer of a problem ready on the library installed in a folder. */
export async function loadTensorFlow(folder: string): Promise<(problem: LayerProblem) => PreparedLayer> {
  const require = createRequire(join(folder, "package.json"));
  const tensorflow = require("@tensorflow/tfjs") as TensorFlow;
  const backend = require("@tensorflow/tfjs-backend-wasm") as WasmBackend;
  backend.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  if (!(await tensorflow.setBackend("wasm")))
    throw new Error("the WebAssembly backend of TensorFlow.js does not start");
  return (problem) => tensorflowLayer(tensorflow, problem);
}

function tensorflowLayer(tensorflow: TensorFlow, problem: LayerProblem): PreparedLayer {
  const constant = ({ values, shape }: Numbers) => tensorflow.tensor(values, shape);
  const names = [...problem.inputs.keys()];
  const inputs = [...problem.inputs.values()].map(constant);
  const cotangent = constant(problem.cotangent);
  const layer = layerFunction(tensorflow, problem, constant(problem.attentionBias));
  const derived = tensorflow.valueAndGrads((...values) =>
    layer(new Map(values.map((value, index) => [names[index] ?? "", value]))),
  );
  return {
    async step() {
      tensorflow.dispose(derived(inputs, cotangent));
    },
    async results() {
      const { value, grads } = derived(inputs, cotangent);
      const gradients = grads.map((gradient, index) => [names[index] ?? "", gradient.dataSync().slice()] as const);
      const read = new Map([["output", value.dataSync().slice()], ...gradients]);
      tensorflow.dispose([value, ...grads]);
      return read;
    },
  };
}

function layerFunction(tensorflow: TensorFlow, { sizes }: LayerProblem, attentionBias: Tensor) {
  const { batchSize, length, heads, hiddenSize, epsilon } = sizes;
  const { add, mul, reshape, transpose } = tensorflow;
  const { times, timesTransposed } = products(tensorflow);
  const headSize = hiddenSize / heads;
  return (inputs: ReadonlyMap<string, Tensor>): Tensor => {
    const linear = (name: string, x: Tensor) =>
      add(timesTransposed(x, given(inputs, `${name}.weight`)), given(inputs, `${name}.bias`));
    const normalised = (name: string, x: Tensor) => {
      const { mean, variance } = tensorflow.moments(x, -1, true);
      const standard = tensorflow.div(tensorflow.sub(x, mean), tensorflow.sqrt(add(variance, epsilon)));
      return add(mul(standard, given(inputs, `${name}.weight`)), given(inputs, `${name}.bias`));
    };
    const gelu = (x: Tensor) => mul(mul(x, 0.5), add(tensorflow.erf(mul(x, Math.SQRT1_2)), 1));
    const x = given(inputs, "hidden");
    const split = (name: string) =>
      transpose(reshape(linear(name, x), [batchSize, length, heads, headSize]), [0, 2, 1, 3]);
    const scores = mul(timesTransposed(split("query"), split("key")), 1 / Math.sqrt(headSize));
    const probabilities = tensorflow.softmax(add(scores, attentionBias));
    const mixed = reshape(transpose(times(probabilities, split("value")), [0, 2, 1, 3]), x.shape);
    const attended = normalised("attentionNorm", add(linear("attentionOutput", mixed), x));
    const output = linear("output", gelu(linear("intermediate", attended)));
    return normalised("outputNorm", add(output, attended));
  };
}

/** The products a b and a b^T of the last two axes, with gradients that transpose before they multiply. */
function products({ matMul, transpose, customGrad }: TensorFlow) {
  const transposed = (x: Tensor) => {
    const leading = [...x.shape.keys()].slice(0, -2);
    return transpose(x, [...leading, leading.length + 1, leading.length]);
  };
  const saved = ([a, b]: Tensor[]): [Tensor, Tensor] => {
    if (a === undefined || b === undefined) throw new Error("a product's factors were not saved");
    return [a, b];
  };
  const times = customGrad((a, b, save) => {
    save([a, b]);
    const gradFunc = (gradient: Tensor, factors: Tensor[]) => {
      const [left, right] = saved(factors);
      return [matMul(gradient, transposed(right)), matMul(transposed(left), gradient)];
    };
    return { value: matMul(a, b), gradFunc };
  });
  const timesTransposed = customGrad((a, b, save) => {
    save([a, b]);
    const gradFunc = (gradient: Tensor, factors: Tensor[]) => {
      const [left, right] = saved(factors);
      return [matMul(gradient, right), matMul(transposed(gradient), left)];
    };
    return { value: matMul(a, transposed(b)), gradFunc };
  });
  return { times, timesTransposed };
}
