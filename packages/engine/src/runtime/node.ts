/** The engines that run in Node. */
import { chooseRuntime, type EngineName } from "./choose.js";
import { nativeRuntime } from "./native.js";
import type { Runtime } from "./runtime.js";
import { defaultThreads } from "./threads.js";
import { webRuntime } from "./web.js";

export { EngineError, type EngineName, engineNames } from "./choose.js";
export { createSampledProduct, type SampledProductOptions } from "./sampled-product-threads.js";
export { defaultThreads } from "./threads.js";

export interface CpuRuntimeOptions {
  /** Threads for one operation; by default one for each physical core. */
  readonly threads?: number | undefined;
  /** The engine; by default `native`, and `wasm` where that cannot be loaded. */
  readonly engine?: EngineName | undefined;
}

/**
 * An engine on the CPU. Where it is WebAssembly in place of the native library, its `notice` says so.
 * @throws EngineError when the one that is asked for cannot be loaded.
 */
export async function cpuRuntime({ threads = defaultThreads(), engine }: CpuRuntimeOptions = {}): Promise<Runtime> {
  return chooseRuntime(engine, {
    native: () => nativeRuntime({ threads }),
    wasm: () => webRuntime({ threads }),
  });
}
