/**
 * Lets a process exit while a thread of it computes. On `process.exit`, and on an error that nobody catches, Node ends its threads at
 * once, and a thread that is in a native library when that happens can give no value and throw no error any more: node-addon-api
 * then ends the process by SIGABRT (its pull request 902), in place of the exit code. ONNX Runtime's binding throws at every run
 * (`engine/runtime/native.ts`). So the thread says when it is in a native call, and an exiting process waits until it is out.
 */
import type { CompiledFunction, Runtime } from "@nanoadam/engine";

/** What both threads see of the calls: one of these numbers. */
const [outside, inside, insideAndClosed, closed] = [0, 1, 2, 3];

/** Longer than any call takes; a process has to end, whatever a library does. */
const longestMilliseconds = 10_000;

/** The memory that both threads look at. */
export function callState(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** Waits until the other thread is out of its native call, and lets it make no further one. */
export function closeCalls(state: Int32Array): void {
  while (Atomics.compareExchange(state, 0, outside, closed) === inside) {
    if (Atomics.compareExchange(state, 0, inside, insideAndClosed) !== inside) continue;
    Atomics.wait(state, 0, insideAndClosed, longestMilliseconds);
    return;
  }
}

/** The native calls of a thread, which may be made side by side. */
export class NativeCalls {
  readonly #state: Int32Array;
  #running = 0;

  constructor(state: Int32Array) {
    this.#state = state;
  }

  async make<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.#running++ === 0) Atomics.compareExchange(this.#state, 0, outside, inside);
    this.#stayIfClosed();
    try {
      return await call();
    } finally {
      if (--this.#running === 0) Atomics.compareExchange(this.#state, 0, inside, outside);
      this.#stayIfClosed();
    }
  }

  /** An engine whose calls are these. */
  around(runtime: Runtime): Runtime {
    const compile: Runtime["compile"] = async (tensors) => {
      const compiled = await this.make(() => runtime.compile(tensors));
      return {
        tensors,
        bind: (bindings) => {
          const run = compiled.bind(bindings);
          return () => this.make(run);
        },
        release: () => this.make(() => compiled.release()),
      } satisfies CompiledFunction;
    };
    return { ...runtime, compile };
  }

  /** Here, in JavaScript, the thread can be ended together with its process. */
  #stayIfClosed(): void {
    if (Atomics.load(this.#state, 0) < insideAndClosed) return;
    Atomics.store(this.#state, 0, closed);
    Atomics.notify(this.#state, 0);
    Atomics.wait(this.#state, 0, closed);
  }
}
