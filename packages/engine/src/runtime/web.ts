/**
 * ONNX Runtime in WebAssembly: wherever there is JavaScript, in Node as in browsers, and several times slower than the native
 * library. It computes in memory of its own, of at most 4 GB: every run copies inputs there and outputs back.
 */
import type { TensorFunction } from "../graph/function.js";
import { toOnnx } from "../onnx/model.js";
import { CopyingFunction } from "./copying-function.js";
import type { Runtime } from "./runtime.js";

export interface WebRuntimeOptions {
  /**
   * Threads for one operation; by default 1. They are of the process or page, and the first runtime that compiles a function
   * starts them: later numbers change nothing.
   */
  readonly threads?: number;
}

/** The engine in WebAssembly. Results repeat bit for bit for the same number of threads. */
export async function webRuntime({ threads = 1 }: WebRuntimeOptions = {}): Promise<Runtime> {
  const { env, InferenceSession, Tensor } = await import("onnxruntime-web");
  env.wasm.numThreads = threads;
  return {
    name: "onnxruntime-web",
    version: env.versions.web ?? env.versions.common,
    async compile(tensors: TensorFunction) {
      const session = await InferenceSession.create(toOnnx(tensors), {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
        executionMode: "sequential",
        enableCpuMemArena: false,
        enableMemPattern: false,
        logSeverityLevel: 3,
      });
      return new CopyingFunction(tensors, session, Tensor);
    },
  };
}
