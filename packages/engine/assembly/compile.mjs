/**
 * Compiles the kernels to WebAssembly and writes each as a module with its bytes in base 64, so that they load in the same
 * way everywhere: `npm run kernels`. With `--check` nothing is written; a module that is not what its source gives is an error.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const folder = dirname(fileURLToPath(import.meta.url));
/** A module says whether its memory is shared, and the most that shared memory may become: 65,536 pages are all there can be. */
const kernels = [
  { source: "sampled-product", name: "sampled-product", flags: [] },
  {
    source: "sampled-product",
    name: "sampled-product-shared",
    flags: ["--sharedMemory", "--maximumMemory", "65536"],
  },
];

/** The module's text for a kernel. */
export async function moduleOf({ source, flags }) {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [
      `${source}.ts`,
      ...["--outFile", "kernel.wasm", "-O3", "--noAssert", "--runtime", "stub"],
      ...["--enable", "simd,threads", "--importMemory", "--initialMemory", "1", ...flags],
    ],
    {
      readFile: (name) => readFile(`${folder}/${name}`, "utf8").catch(() => null),
      writeFile: (name, content) => outputs.set(name, content),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${source}: ${stderr.toString()}`);
  const bytes = Buffer.from(outputs.get("kernel.wasm")).toString("base64");
  const lines = bytes.match(/.{1,112}/g).map((line) => `  "${line}"`);
  return `/** Made by \`npm run kernels\` from assembly/${source}.ts. */\nexport const wasm =\n${lines.join(" +\n")};\n`;
}

const isMain = process.argv[1] === fileURLToPath(import.meta.url);
for (const kernel of isMain ? kernels : []) {
  const path = `${folder}/../src/kernels/${kernel.name}.wasm.ts`;
  const text = await moduleOf(kernel);
  if (!process.argv.includes("--check")) await writeFile(path, text);
  else if (text !== (await readFile(path, "utf8"))) throw new Error(`${path} is stale: npm run kernels`);
}
