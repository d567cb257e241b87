import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runPage } from "./chromium.js";

const modules = fileURLToPath(new URL("../../../../node_modules/", import.meta.url));

/**
 * Opens a page with Transformers.js, which loads models from the folders in `models` on one WebAssembly engine.
 * @param script calls `pipeline` with a folder's name, and ends in `done(result)`, which is what comes back
 */
export async function runTransformersPage(script: string, models: string): Promise<unknown> {
  return runPage(
    `const { env, pipeline } = await import("transformers");
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/models/", useBrowserCache: false });
    env.backends.onnx.wasm.wasmPaths = "/ort/";
    ${script}`,
    {
      models,
      transformers: join(modules, "@huggingface/transformers/dist"),
      ort: join(modules, "onnxruntime-web/dist"),
      common: join(modules, "onnxruntime-common/dist/esm"),
    },
    {
      transformers: "/transformers/transformers.web.js",
      "onnxruntime-web/webgpu": "/ort/ort.webgpu.bundle.min.mjs",
      "onnxruntime-common": "/common/index.js",
    },
  );
}
