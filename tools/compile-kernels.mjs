/**
 * Compiles the kernels to WebAssembly and writes each as a module with its bytes in base 64, so that they load in the same
 * way everywhere: `npm run kernels`. With `--check` nothing is written; a module that is not what its source gives is an error.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("..", import.meta.url));
/**
 * A module says how much memory it is given, in pages of 64 KiB, whether that is shared, and the most that shared memory may
 * become: 65,536 pages are all there can be.
 */
const kernels = [
  {
    source: "packages/engine/assembly/sampled-product.ts",
    target: "packages/engine/src/kernels/sampled-product.wasm.ts",
    flags: ["--initialMemory", "1"],
  },
  {
    source: "packages/engine/assembly/sampled-product.ts",
    target: "packages/engine/src/kernels/sampled-product-shared.wasm.ts",
    flags: ["--initialMemory", "1", "--sharedMemory", "--maximumMemory", "65536"],
  },
  {
    source: "packages/optim/assembly/smallest.ts",
    target: "packages/optim/src/selection/smallest.wasm.ts",
    flags: ["--initialMemory", "15"],
  },
  {
    source: "packages/optim/assembly/carry-over.ts",
    target: "packages/optim/src/selected/carry-over.wasm.ts",
    flags: ["--initialMemory", "25"],
  },
  {
    source: "packages/nanoadam/assembly/magnitudes.ts",
    target: "packages/nanoadam/src/analysis/magnitudes.wasm.ts",
    flags: ["--initialMemory", "23"],
  },
];

/** The module's text for a kernel. */
export async function moduleOf({ source, flags }) {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [
      source,
      ...["--outFile", "kernel.wasm", "-O3", "--noAssert", "--runtime", "stub"],
      ...["--enable", "simd,threads", "--importMemory", ...flags],
    ],
    {
      readFile: (name) => readFile(`${root}/${name}`, "utf8").catch(() => null),
      writeFile: (name, content) => outputs.set(name, content),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${source}: ${stderr.toString()}`);
  const bytes = Buffer.from(outputs.get("kernel.wasm")).toString("base64");
  const lines = bytes.match(/.{1,112}/g).map((line) => `  "${line}"`);
  return `/** Made by \`npm run kernels\` from ${source}. */\nexport const wasm =\n${lines.join(" +\n")};\n`;
}

const isMain = process.argv[1] === fileURLToPath(import.meta.url);
for (const kernel of isMain ? kernels : []) {
  const path = `${root}/${kernel.target}`;
  const text = await moduleOf(kernel);
  if (!process.argv.includes("--check")) await writeFile(path, text);
  else if (text !== (await readFile(path, "utf8"))) throw new Error(`${path} is stale: npm run kernels`);
}
