/**
 * The layer on jax-js with its WebAssembly backend, forward and backward under one `jit`. The backend spreads its
 * kernels over web workers where there is a global `Worker`; in Node there is none, and it runs on one thread.
 *
 * Arrays are counted references that every call uses up: `ref` is one more reference to the same array.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type { LayerProblem, Numbers, PreparedLayer } from "./problem.js";

/** Packages by their names, with the versions that the bench was written for. */
export const jaxPackages = { "@jax-js/jax": "0.1.25" } as const;

interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: readonly number[];
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  transpose(axes?: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
}

type Arrays = Readonly<Record<string, JaxArray>>;
type Results = readonly [output: JaxArray, gradients: Arrays];
type Pullback = ((cotangent: JaxArray) => [Arrays]) & { dispose(): void };

/** The part of the library that the layer uses. */
interface Jax {
  init(device: "wasm"): Promise<string[]>;
  defaultDevice(device: "wasm"): string;
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    mean(x: JaxArray, axis: number, options: { keepdims: boolean }): JaxArray;
    sqrt(x: JaxArray): JaxArray;
  };
  readonly nn: {
    gelu(x: JaxArray, options: { approximate: boolean }): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
  };
  readonly tree: { ref(arrays: Arrays): Arrays; dispose(results: Results): void };
  vjp(layer: (inputs: Arrays) => JaxArray, primals: [Arrays]): [JaxArray, Pullback];
  jit<Inputs extends readonly unknown[]>(step: (...inputs: Inputs) => Results): (...inputs: Inputs) => Results;
  blockUntilReady(results: Results): Promise<Results>;
}

/** A function that makes the layer of a problem ready on the library installed in a folder. */
export async function loadJax(folder: string): Promise<(problem: LayerProblem) => PreparedLayer> {
  const jax = createRequire(join(folder, "package.json"))("@jax-js/jax") as Jax;
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  return (problem) => jaxLayer(jax, problem);
}

function jaxLayer(jax: Jax, problem: LayerProblem): PreparedLayer {
  const array = ({ values, shape }: Numbers) => jax.numpy.array(values).reshape(shape);
  const inputs = Object.fromEntries([...problem.inputs].map(([name, numbers]) => [name, array(numbers)]));
  const [attentionBias, cotangent] = [array(problem.attentionBias), array(problem.cotangent)];
  const derived = jax.jit((layerInputs: Arrays, bias: JaxArray, outputGradient: JaxArray): Results => {
    const [output, pullback] = jax.vjp((arrays) => layer(jax, problem, arrays, bias), [layerInputs]);
    const [gradients] = pullback(outputGradient);
    pullback.dispose();
    return [output, gradients];
  });
  const run = () => jax.blockUntilReady(derived(jax.tree.ref(inputs), attentionBias.ref, cotangent.ref));
  return {
    async step() {
      jax.tree.dispose(await run());
    },
    async results() {
      const [output, gradients] = await run();
      const named = Object.entries({ output, ...gradients });
      return new Map(await Promise.all(named.map(async ([name, values]) => [name, await values.data()] as const)));
    },
  };
}

/** Uses up the inputs and the attention's bias. */
function layer({ numpy, nn }: Jax, { sizes }: LayerProblem, inputs: Arrays, attentionBias: JaxArray): JaxArray {
  const { batchSize, length, heads, hiddenSize, epsilon } = sizes;
  const headSize = hiddenSize / heads;
  const part = (name: string): JaxArray => {
    const array = inputs[name];
    if (array === undefined) throw new Error(`the layer uses "${name}", which is not given`);
    return array;
  };
  const linear = (name: string, x: JaxArray) =>
    numpy.matmul(x, part(`${name}.weight`).transpose()).add(part(`${name}.bias`));
  const normalised = (name: string, x: JaxArray) => {
    const centred = x.ref.sub(numpy.mean(x, -1, { keepdims: true }));
    const variance = numpy.mean(centred.ref.mul(centred.ref), -1, { keepdims: true });
    const standard = centred.div(numpy.sqrt(variance.add(epsilon)));
    return standard.mul(part(`${name}.weight`)).add(part(`${name}.bias`));
  };
  const x = part("hidden");
  const split = (name: string) =>
    linear(name, x.ref).reshape([batchSize, length, heads, headSize]).transpose([0, 2, 1, 3]);
  const scores = numpy.matmul(split("query"), split("key").transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(headSize));
  const probabilities = nn.softmax(scores.add(attentionBias), -1);
  const mixed = numpy
    .matmul(probabilities, split("value"))
    .transpose([0, 2, 1, 3])
    .reshape([batchSize * length, hiddenSize]);
  const attended = normalised("attentionNorm", linear("attentionOutput", mixed).add(x));
  const expanded = nn.gelu(linear("intermediate", attended.ref), { approximate: false });
  return normalised("outputNorm", linear("output", expanded).add(attended));
}
