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
