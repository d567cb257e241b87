import type { InferenceSession } from "onnxruntime-web";
import type { TensorFunction } from "../graph/function.js";
import { boundTensors, type TensorClass } from "./bound-tensors.js";
import type { Bindings, CompiledFunction, TensorData } from "./runtime.js";

/** A function on any ONNX Runtime: every output is made by the engine, and copied to where it is bound. */
export class CopyingFunction implements CompiledFunction {
  readonly tensors: TensorFunction;
  readonly #session: InferenceSession;
  readonly #TensorOver: TensorClass;

  constructor(tensors: TensorFunction, session: InferenceSession, TensorOver: TensorClass) {
    this.tensors = tensors;
    this.#session = session;
    this.#TensorOver = TensorOver;
  }

  bind(bindings: Bindings): () => Promise<void> {
    const feeds = boundTensors(this.#TensorOver, this.tensors, this.tensors.inputs, bindings);
    const outputs = boundTensors(this.#TensorOver, this.tensors, this.tensors.outputs, bindings);
    return async () => {
      const results = await this.#session.run(feeds);
      for (const [name, { data }] of Object.entries(outputs)) {
        (data as TensorData).set(results[name]?.data as TensorData);
      }
    };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
