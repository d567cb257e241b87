/**
 * Sampled products on several threads of Node: memory is shared, and every worker has an instance of the same compiled kernel
 * that does tasks as they appear (assembly/sampled-product.ts). A worker runs WebAssembly only, so its JavaScript is short
 * enough to be a string, and no second file has to be found at run time.
 */
import { Worker } from "node:worker_threads";
import { moduleOf, SampledProduct, type SampledProductHost } from "../kernels/sampled-product.js";
import { wasm } from "../kernels/sampled-product-shared.wasm.js";

/** The script of a worker; `workerData` has the kernel and its memory. */
export const workerScript = `
const { module, memory } = require("node:worker_threads").workerData;
new WebAssembly.Instance(module, { env: { memory } }).exports.serve();
`;

/** The largest memory that the kernel was compiled for; unused pages are only reserved addresses. */
const maximumPages = 65_536;

export interface SampledProductOptions {
  /** Threads that compute a product, the calling one included; by default 1. */
  readonly threads?: number;
}

/**
 * Sampled products on several threads; the same bits for any number of them. Workers start at the first product, and
 * products do not wait for them to come up; `ready` does. Once up, they do not keep the process alive; `release` ends them.
 */
export function createSampledProduct({ threads = 1 }: SampledProductOptions = {}): SampledProduct {
  return threads > 1 ? new SampledProduct(withHelpers(threads - 1)) : new SampledProduct();
}

function withHelpers(helpers: number): SampledProductHost {
  const module = moduleOf(wasm);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: maximumPages, shared: true });
  let workers: readonly HelpingWorker[] = [];
  const start = () => {
    if (workers.length > 0) return;
    workers = Array.from({ length: helpers }, () => helpingWorker(module, memory));
  };
  return {
    module,
    memory,
    helpers,
    start,
    async ready() {
      start();
      await Promise.all(workers.map(({ isUp }) => isUp));
    },
    async release() {
      const ending = workers;
      workers = [];
      await Promise.all(ending.map(({ end }) => end()));
    },
  };
}

interface HelpingWorker {
  /** Settled once the worker runs, or has ended before it did. */
  readonly isUp: Promise<void>;
  end(): Promise<unknown>;
}

function helpingWorker(module: object, memory: WebAssembly.Memory): HelpingWorker {
  const worker = new Worker(workerScript, { eval: true, workerData: { module, memory }, execArgv: [] });
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  const up = new Promise<void>((resolve) => worker.once("online", resolve));
  const letGo = () => worker.unref();
  worker.once("online", letGo);
  return {
    isUp: Promise.race([up, ended]),
    end() {
      // Word that it is up may still be on its way: whoever waits for its end would be let go then, and the process end in silence.
      worker.off("online", letGo);
      return worker.terminate();
    },
  };
}
