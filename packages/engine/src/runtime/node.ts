/**
 * ONNX Runtime on the CPU. Sessions hold no weights: weights are inputs, so a session serves every layer of its shape
 * and its memory is only what one run needs between its operations.
 *
 * Two defaults are turned off. Every session has threads of its own that spin for a while after a run; with several
 * sessions run in turn they spin against each other (minibert, 32 x 16 tokens, 2 cores: 180 ms a step with spinning, 65
 * without). And every session keeps the memory of its largest run; with a session for every shape that adds up (1.4 GB
 * against 0.4), and the system's allocator is as fast.
 *
 * Outputs are written where they are bound. ONNX Runtime's Node binding (1.30) nevertheless copies each, in the model's order,
 * to a new ArrayBuffer: in a step of BERT-base a gigabyte that nobody reads, a tenth of an encoder layer's time on one thread.
 * The copying stops at an output that is not a tensor, with an error. So every model here has such an output first, and that
 * one error, recognised by its exact message, means that a run has ended well.
 */
import "./no-telemetry.js";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { TensorFunction } from "../graph/function.js";
import { type DataType, formatType, sizeOf, type TensorType } from "../graph/types.js";
import { withEmptySequence } from "../onnx/empty-sequence.js";
import { toOnnx } from "../onnx/model.js";
import type { Bindings, CompiledFunction, Runtime, TensorData } from "./runtime.js";

export { createSampledProduct, type SampledProductOptions } from "./sampled-product-threads.js";
export { defaultThreads } from "./threads.js";

export interface CpuRuntimeOptions {
  /** Threads for one operation; by default one for each physical core that ONNX Runtime finds. */
  readonly threads?: number;
}

/** The output at which the binding stops, and the message of its error. */
const stop = "no tensor";
const stopMessage = "Non tensor type is temporarily not supported.";

/** The CPU engine. Results repeat bit for bit for the same number of threads. */
export function cpuRuntime(options: CpuRuntimeOptions = {}): Runtime {
  return {
    name: "onnxruntime-node",
    async compile(tensors) {
      const session = await InferenceSession.create(withEmptySequence(toOnnx(tensors), stop), {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        executionMode: "sequential",
        enableCpuMemArena: false,
        enableMemPattern: false,
        logSeverityLevel: 3,
        extra: { session: { intra_op: { allow_spinning: "0" } } },
        ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      });
      return new CpuFunction(tensors, session);
    },
  };
}

class CpuFunction implements CompiledFunction {
  readonly tensors: TensorFunction;
  readonly #session: InferenceSession;

  constructor(tensors: TensorFunction, session: InferenceSession) {
    this.tensors = tensors;
    this.#session = session;
  }

  bind(bindings: Bindings): () => Promise<void> {
    const feeds = this.#tensors(this.tensors.inputs, bindings);
    const fetches = { [stop]: null, ...this.#tensors(this.tensors.outputs, bindings) };
    return async () => {
      try {
        await this.#session.run(feeds, fetches);
      } catch (error) {
        if (!(error instanceof Error && error.message === stopMessage)) throw error;
      }
    };
  }

  #tensors(values: TensorFunction["inputs"], bindings: Bindings): Record<string, Tensor> {
    return Object.fromEntries(
      values.map(({ name, value }) => {
        const data = bindings.get(name);
        if (data === undefined) throw new Error(`${this.tensors.name}: no memory is bound to "${name}"`);
        return [name, tensorOver(`${this.tensors.name}: "${name}"`, value.type, data)];
      }),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

const arrayTypes = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } satisfies Record<DataType, unknown>;

function tensorOver(what: string, type: TensorType, data: TensorData): Tensor {
  if (!(data instanceof arrayTypes[type.dataType]) || data.length !== sizeOf(type.shape)) {
    throw new Error(`${what} is ${formatType(type)}, but ${data.constructor.name}(${data.length}) was bound to it`);
  }
  return new Tensor(type.dataType, data, type.shape);
}
