/** Which engine runs in Node: the native library where it is there and loads, else WebAssembly, and what is said of it. */
import type { Runtime } from "./runtime.js";

/** `native`: ONNX Runtime's own library, from the package onnxruntime-node; `wasm`: ONNX Runtime in WebAssembly. */
export const engineNames = ["native", "wasm"] as const;
export type EngineName = (typeof engineNames)[number];

/** The engine that was asked for, or any engine, cannot be loaded. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}

/** As measured: 3.6 times on a small encoder's step, 5.4 on a layer of BERT base. */
const slowdown = "about four to five times slower";

/**
 * The engine of that name; without one the native, or WebAssembly with a notice.
 * @throws EngineError when it cannot be loaded.
 */
export async function chooseRuntime(
  name: EngineName | undefined,
  engines: Readonly<Record<EngineName, () => Promise<Runtime>>>,
): Promise<Runtime> {
  const inWebAssembly = () =>
    engines.wasm().catch((error: unknown) => {
      throw new EngineError(`onnxruntime-web could not be loaded (${firstLine(error)})`);
    });
  if (name === "wasm") return inWebAssembly();
  try {
    return await engines.native();
  } catch (error) {
    const reason = whyNotNative(error);
    if (name === "native") throw new EngineError(reason);
    return { ...(await inWebAssembly()), notice: `${reason}; running in WebAssembly instead, ${slowdown}` };
  }
}

/** Why the native library is not there, and what brings it, in half a sentence. */
function whyNotNative(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const line = firstLine(error);
  if (code === "ERR_MODULE_NOT_FOUND" && line.includes("'onnxruntime-node'")) {
    return 'onnxruntime-node is not installed ("npm install --ignore-scripts" brings it)';
  }
  if (code === "MODULE_NOT_FOUND" && line.includes("onnxruntime_binding.node")) {
    return `onnxruntime-node has no library for ${process.platform} on ${process.arch}`;
  }
  return `onnxruntime-node could not be loaded (${line})`;
}

function firstLine(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line;
}
