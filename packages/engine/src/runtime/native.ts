/**
 * ONNX Runtime's native library on the CPU, loaded when it is first asked for. Sessions hold no weights: weights are inputs, so a
 * session serves every layer of its shape and its memory is only what one run needs between its operations.
 *
 * Two defaults are turned off. Every session has threads of its own that spin for a while after a run; with several
 * sessions run in turn they spin against each other (minibert, 32 x 16 tokens, 2 cores: 180 ms a step with spinning, 65
 * without). And every session keeps the memory of its largest run; with a session for every shape that adds up (1.4 GB
 * against 0.4), and the system's allocator is as fast.
 *
 * Outputs are written where they are bound. ONNX Runtime's Node binding (1.30) nevertheless copies each, in the model's order,
 * to a new ArrayBuffer: in a step of BERT-base a gigabyte that nobody reads, a tenth of an encoder layer's time on one thread.
 * The copying stops at an output that is not a tensor, with an error. So every model here has such an output first, and that
 * one error, recognised by its exact message, means that a run has ended well. That the library does so is tried once, on a
 * function with a known result; where it does not, outputs are copied.
 */
import "./no-telemetry.js";
import type * as OnnxRuntime from "onnxruntime-node";
import { add } from "../graph/elementwise.js";
import { input, type TensorFunction, tensorFunction } from "../graph/function.js";
import { withEmptySequence } from "../onnx/empty-sequence.js";
import { toOnnx } from "../onnx/model.js";
import { boundTensors, type TensorClass } from "./bound-tensors.js";
import { CopyingFunction } from "./copying-function.js";
import type { Bindings, CompiledFunction, Runtime } from "./runtime.js";

export interface NativeRuntimeOptions {
  /** Threads for one operation; by default one for each physical core that ONNX Runtime finds. */
  readonly threads?: number;
}

/** What is used of the library. */
export interface NativeLibrary {
  readonly env: OnnxRuntime.Env;
  readonly Tensor: TensorClass;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: OnnxRuntime.InferenceSession.SessionOptions,
    ): Promise<OnnxRuntime.InferenceSession>;
  };
}

/**
 * The native engine. Results repeat bit for bit for the same number of threads.
 * @throws whatever the loader or the system's linker says, where the library is not installed or does not fit the machine.
 */
export async function nativeRuntime(options: NativeRuntimeOptions = {}): Promise<Runtime> {
  return runtimeOn(await import("onnxruntime-node"), options);
}

/** The engine on a library that is loaded. */
export async function runtimeOn(library: NativeLibrary, { threads }: NativeRuntimeOptions): Promise<Runtime> {
  const { env, InferenceSession, Tensor } = library;
  const createSession = (model: Uint8Array) =>
    InferenceSession.create(model, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      executionMode: "sequential",
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: "0" } } },
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    });
  const inPlace = async (tensors: TensorFunction) =>
    new InPlaceFunction(tensors, await createSession(withEmptySequence(toOnnx(tensors), stop)), Tensor);
  const copying = async (tensors: TensorFunction) =>
    new CopyingFunction(tensors, await createSession(toOnnx(tensors)), Tensor);
  const compile = (await writesInPlace(inPlace)) ? inPlace : copying;
  return { name: "onnxruntime-node", version: env.versions.node ?? env.versions.common, compile };
}

/** Whether a function compiled so writes its outputs where they are bound, and stops as expected. */
async function writesInPlace(compile: Runtime["compile"]): Promise<boolean> {
  const x = input("float32", [3]);
  const twice = tensorFunction("twice", [{ name: "x", value: x }], [{ name: "y", value: add(x, x) }]);
  let compiled: CompiledFunction | undefined;
  try {
    compiled = await compile(twice);
    const y = new Float32Array(3);
    const bindings = new Map([
      ["x", Float32Array.of(1, -2, 0.5)],
      ["y", y],
    ]);
    await compiled.bind(bindings)();
    return y[0] === 2 && y[1] === -4 && y[2] === 1;
  } catch {
    return false;
  } finally {
    await compiled?.release();
  }
}

/** The output at which the binding stops, and the message of its error. */
const stop = "no tensor";
const stopMessage = "Non tensor type is temporarily not supported.";

/** A function whose outputs are written where they are bound. */
class InPlaceFunction implements CompiledFunction {
  readonly tensors: TensorFunction;
  readonly #session: OnnxRuntime.InferenceSession;
  readonly #TensorOver: TensorClass;

  constructor(tensors: TensorFunction, session: OnnxRuntime.InferenceSession, TensorOver: TensorClass) {
    this.tensors = tensors;
    this.#session = session;
    this.#TensorOver = TensorOver;
  }

  bind(bindings: Bindings): () => Promise<void> {
    const feeds = boundTensors(this.#TensorOver, this.tensors, this.tensors.inputs, bindings);
    const outputs = boundTensors(this.#TensorOver, this.tensors, this.tensors.outputs, bindings);
    const fetches = { [stop]: null, ...outputs };
    return async () => {
      try {
        await this.#session.run(feeds, fetches);
      } catch (error) {
        if (!(error instanceof Error && error.message === stopMessage)) throw error;
      }
    };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
