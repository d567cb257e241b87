import { expect, test } from "vitest";
import { chooseRuntime } from "./choose.js";
import type { Runtime } from "./runtime.js";

const engine = (name: string): Runtime => ({
  name,
  version: "1.0.0",
  compile: () => Promise.reject(new Error("not here")),
});
const wasm = async () => engine("onnxruntime-web");

/** As Node's loader and the system's linker say it. */
const missing = { code: "ERR_MODULE_NOT_FOUND", message: "Cannot find package 'onnxruntime-node' imported from a.js" };
const unfit = {
  code: "ERR_DLOPEN_FAILED",
  message: "Error loading shared library ld-linux-x86-64.so.2: No such file or directory\n(needed by it)",
};
const noBinary = {
  code: "MODULE_NOT_FOUND",
  message: "Cannot find module '../bin/napi-v6/darwin/x64/onnxruntime_binding.node'\nRequire stack:\n- a.js",
};
const failing =
  ({ code, message }: typeof missing) =>
  () =>
    Promise.reject(Object.assign(new Error(message), { code }));

test("the native library is taken where it loads, and nothing is said", async () => {
  const chosen = await chooseRuntime(undefined, { native: async () => engine("onnxruntime-node"), wasm });
  expect([chosen.name, chosen.notice]).toEqual(["onnxruntime-node", undefined]);
});

test.each([
  ["not installed", missing, 'onnxruntime-node is not installed ("npm install --ignore-scripts" brings it)'],
  [
    "not for this system",
    unfit,
    "onnxruntime-node could not be loaded (Error loading shared library ld-linux-x86-64.so.2: No such file or directory)",
  ],
  ["not for this processor", noBinary, `onnxruntime-node has no library for ${process.platform} on ${process.arch}`],
])("where it is %s, WebAssembly runs and says so", async (_, failure, reason) => {
  const native = failing(failure);
  const { name, notice } = await chooseRuntime(undefined, { native, wasm });
  expect(name).toBe("onnxruntime-web");
  expect(notice).toBe(`${reason}; running in WebAssembly instead, about four to five times slower`);
  await expect(chooseRuntime("native", { native, wasm })).rejects.toMatchObject({
    name: "EngineError",
    message: reason,
  });
});

test("who asks for WebAssembly gets it without a word", async () => {
  expect(await chooseRuntime("wasm", { native: failing(missing), wasm })).not.toHaveProperty("notice");
});

test("where nothing loads, the error is of what was tried last", async () => {
  const chosen = chooseRuntime(undefined, { native: failing(missing), wasm: failing(unfit) });
  await expect(chosen).rejects.toThrow(/^onnxruntime-web could not be loaded \(Error loading shared/);
});
