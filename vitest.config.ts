import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@nanoadam\/optim$/, replacement: source("packages/optim/src/index.ts") },
      { find: /^@nanoadam\/engine$/, replacement: source("packages/engine/src/index.ts") },
      { find: /^@nanoadam\/engine\/node$/, replacement: source("packages/engine/src/runtime/node.ts") },
      { find: /^nanoadam$/, replacement: source("packages/nanoadam/src/index.ts") },
    ],
  },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "bench/src/**/*.test.ts",
      "examples/src/**/*.test.ts",
      "tools/**/*.test.ts",
    ],
    testTimeout: 60_000,
    maxWorkers: 2,
    reporters: ["default", "./vitest.counts.ts"],
  },
});
