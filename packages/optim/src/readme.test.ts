/** The README's examples for other frameworks run as they are printed, and their losses fall. */
import { readFileSync } from "node:fs";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import * as jax from "@jax-js/jax";
import * as tensorflow from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import * as optim from "./index.js";

/** What the examples import. Of TensorFlow.js only what they need is installed here. */
const modules: Readonly<Record<string, object>> = {
  "@nanoadam/optim": optim,
  "@tensorflow/tfjs": tensorflow,
  "@jax-js/jax": jax,
};

const blocks = readFileSync(new URL("../README.md", import.meta.url), "utf8").matchAll(/^```js\n(.*?)^```$/gms);
const examples = [...blocks].map(([, code = ""]) => code);

/** Runs an example, its imports given to it; the result is what it prints. */
async function printedBy(example: string): Promise<unknown[][]> {
  const body = example.replace(
    /^import (?:\* as (\w+)|(\{.*?\})) from ("[^"]+");/gms,
    (_, all: string | undefined, some: string | undefined, from: string) =>
      `const ${all ?? some?.replaceAll(" as ", ": ")} = modules[${from}];`,
  );
  const printed: unknown[][] = [];
  const log = (...values: unknown[]) => void printed.push(values);
  const AsyncFunction = (async () => {}).constructor as new (
    ...code: string[]
  ) => (...given: unknown[]) => Promise<void>;
  await new AsyncFunction("modules", "console", body)(modules, { log });
  return printed;
}

test.each(["@tensorflow/tfjs", "@jax-js/jax"])("the example with %s", async (framework) => {
  const own = examples.filter((example) => example.includes(`from "${framework}"`));
  expect(own).toHaveLength(1);
  const losses = (await printedBy(own[0] ?? "")).map(([, loss]) => Number(loss));
  expect(losses.length).toBeGreaterThan(50);
  expect(losses.at(-1)).toBeLessThan(0.9 * (losses[0] ?? 0));
});
