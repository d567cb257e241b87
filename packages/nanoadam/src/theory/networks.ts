/** Networks of two layers side by side, each with samples of its own, whose gradients the engine computes. */
import {
  derive,
  input,
  matmul,
  type Runtime,
  relu,
  reshape,
  type TensorFunction,
  tensorFunction,
} from "@nanoadam/engine";
import type { Neuron } from "./two-layer.js";

export interface NetworkSizes {
  readonly networks: number;
  readonly neurons: number;
  readonly samples: number;
  /** What the sum over neurons is multiplied by. */
  readonly outputScale: number;
}

/** A loss above this will not come back. */
const divergedLoss = 1e6;

export class Networks {
  readonly sizes: NetworkSizes;
  /** Outer weights [networks, neurons]. */
  readonly outer: Float32Array;
  /** Inner weights [networks, neurons, 2]. */
  readonly inner: Float32Array;
  readonly outerGradient: Float32Array;
  readonly innerGradient: Float32Array;
  /** Inputs [networks, samples, 2], and what the networks should say of them. */
  readonly inputs: Float32Array;
  readonly targets: Float32Array;
  /** The mean squared error of each network, as of the last gradients; NaN of one that has diverged. */
  readonly losses: Float64Array;
  readonly #outputs: Float32Array;
  readonly #cotangent: Float32Array;
  #forward: () => Promise<void> = async () => {};
  #backward: () => Promise<void> = async () => {};

  private constructor(sizes: NetworkSizes) {
    const { networks, neurons, samples } = sizes;
    this.sizes = sizes;
    this.outer = new Float32Array(networks * neurons);
    this.inner = new Float32Array(networks * neurons * 2);
    this.outerGradient = this.outer.slice();
    this.innerGradient = this.inner.slice();
    this.inputs = new Float32Array(networks * samples * 2);
    this.targets = new Float32Array(networks * samples);
    this.#outputs = this.targets.slice();
    this.#cotangent = this.targets.slice();
    this.losses = new Float64Array(networks);
  }

  static async create(runtime: Runtime, sizes: NetworkSizes): Promise<Networks> {
    const made = new Networks(sizes);
    const { forward, backward } = derive(networkFunction(sizes), {
      outputs: ["output"],
      inputs: new Map([
        ["outer", []],
        ["inner", []],
      ]),
    });
    const memory = new Map<string, Float32Array>([
      ["x", made.inputs],
      ["outer", made.outer],
      ["inner", made.inner],
      ["output", made.#outputs],
      ["cotangent.output", made.#cotangent],
      ["gradient.outer", made.outerGradient],
      ["gradient.inner", made.innerGradient],
    ]);
    const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
    for (const { name, value } of forward.outputs) {
      if (!memory.has(name)) memory.set(name, new Float32Array(sizeOf(value.type.shape)));
    }
    made.#forward = (await runtime.compile(forward)).bind(memory);
    made.#backward = (await runtime.compile(backward)).bind(memory);
    return made;
  }

  /** Computes losses and gradients. A network that has diverged has gradients of 0. */
  async differentiate(): Promise<void> {
    await this.#forward();
    const { networks, samples } = this.sizes;
    for (let network = 0; network < networks; network++) {
      const start = network * samples;
      let total = 0;
      for (let sample = start; sample < start + samples; sample++) {
        const error = (this.#outputs[sample] as number) - (this.targets[sample] as number);
        this.#cotangent[sample] = (2 * error) / samples;
        total += error ** 2;
      }
      const loss = total / samples;
      const isFine = loss < divergedLoss && !Number.isNaN(this.losses[network]);
      this.losses[network] = isFine ? loss : Number.NaN;
      if (!isFine) this.#silence(network);
    }
    await this.#backward();
  }

  #silence(network: number): void {
    const { neurons, samples } = this.sizes;
    this.#cotangent.fill(0, network * samples, (network + 1) * samples);
    this.outer.fill(0, network * neurons, (network + 1) * neurons);
    this.inner.fill(0, network * neurons * 2, (network + 1) * neurons * 2);
  }

  /** A network's neurons, the scale of the output in the outer weights. */
  neuronsOf(network: number): Neuron[] {
    const { neurons, outputScale } = this.sizes;
    return Array.from({ length: neurons }, (_, place) => {
      const at = network * neurons + place;
      const w = [this.inner[2 * at] as number, this.inner[2 * at + 1] as number] as const;
      return { a: outputScale * (this.outer[at] as number), w };
    });
  }
}

function networkFunction({ networks, neurons, samples, outputScale }: NetworkSizes): TensorFunction {
  const x = input("float32", [networks, samples, 2]);
  const outer = input("float32", [networks, neurons]);
  const inner = input("float32", [networks, neurons, 2]);
  const hidden = relu(matmul(x, inner, { transposeB: true }));
  const output = matmul(hidden, reshape(outer, [networks, neurons, 1]), { scale: outputScale });
  return tensorFunction(
    "networks",
    [
      { name: "x", value: x },
      { name: "outer", value: outer },
      { name: "inner", value: inner },
    ],
    [{ name: "output", value: reshape(output, [networks, samples]) }],
  );
}
