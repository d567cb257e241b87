/** Entries of a chunk at most, which is what kernels have room for: offsets fit 16 bits. */
export const largestChunkSize = 65_536;

/** A compiled kernel (assembly/) with memory of its own. */
export interface Kernel {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

/**
 * @param wasm the kernel's bytes in base 64
 * @param pages its memory, in units of 64 KiB
 */
export function createKernel(wasm: string, pages: number): Kernel {
  const module = new WebAssembly.Module(Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0)));
  const memory = new WebAssembly.Memory({ initial: pages });
  return { exports: new WebAssembly.Instance(module, { env: { memory } }).exports, buffer: memory.buffer };
}

/**
 * A kernel and its memory, created by the first call. All calls share it, since a selection is made in one go: no two
 * are ever under way at once.
 */
export function lazily<Value>(create: () => Value): () => Value {
  let made: Value | undefined;
  return () => {
    made ??= create();
    return made;
  };
}
