import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What other modes than the usual one run; `tools/endure.mjs` starts `crash` and `fuzz`, and has them run for longer. */
const includes: Readonly<Record<string, string[]>> = {
  install: ["tools/*.install.ts"],
  crash: ["packages/*/src/**/{crash,interruptions,resume-tasks,threads,connections}.test.ts"],
  fuzz: ["packages/*/src/**/fuzz.test.ts"],
};

/** A thread of Node runs JavaScript alone, so a worker's script is the built one, which lies elsewhere. */
const builtWorkers = {
  name: "built-workers",
  transform: (code: string, file: string) =>
    file.endsWith("/recipes/worker-run.ts")
      ? code.replace("./training-worker.js", "../../dist/recipes/training-worker.js")
      : undefined,
};

/** `vitest run --mode install` is the one test that installs the packages, which needs the network and half a minute. */
export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^@nanoadam\/optim$/, replacement: source("packages/optim/src/index.ts") },
      { find: /^@nanoadam\/engine$/, replacement: source("packages/engine/src/index.ts") },
      { find: /^@nanoadam\/engine\/node$/, replacement: source("packages/engine/src/runtime/node.ts") },
      { find: /^nanoadam$/, replacement: source("packages/nanoadam/src/index.ts") },
    ],
  },
  plugins: [builtWorkers],
  test: {
    include: includes[mode] ?? [
      "packages/*/src/**/*.test.ts",
      "bench/src/**/*.test.ts",
      "examples/src/**/*.test.ts",
      "tools/**/*.test.ts",
    ],
    testTimeout: 60_000,
    // TensorFlow.js has modules whose imports Node cannot follow.
    server: { deps: { inline: [/@tensorflow/] } },
    maxWorkers: 2,
    reporters: ["default", "./vitest.counts.ts"],
  },
}));
