/**
 * Compiles the kernels to WebAssembly and writes each as a module with its bytes in base 64, so that they load in the same
 * way everywhere: `npm run kernels`. With `--check` nothing is written; a module that is not what its source gives is an error.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const folder = dirname(fileURLToPath(import.meta.url));
const kernels = ["sampled-product"];

/** The module's text for a kernel's source. */
export async function moduleOf(kernel) {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [
      `${kernel}.ts`,
      ...["--outFile", "kernel.wasm", "-O3", "--noAssert", "--runtime", "stub"],
      ...["--enable", "simd", "--importMemory", "--initialMemory", "1"],
    ],
    {
      readFile: (name) => readFile(`${folder}/${name}`, "utf8").catch(() => null),
      writeFile: (name, content) => outputs.set(name, content),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${kernel}: ${stderr.toString()}`);
  const bytes = Buffer.from(outputs.get("kernel.wasm")).toString("base64");
  const lines = bytes.match(/.{1,112}/g).map((line) => `  "${line}"`);
  return `/** Made by \`npm run kernels\` from assembly/${kernel}.ts. */\nexport const wasm =\n${lines.join(" +\n")};\n`;
}

const isMain = process.argv[1] === fileURLToPath(import.meta.url);
for (const kernel of isMain ? kernels : []) {
  const path = `${folder}/../src/kernels/${kernel}.wasm.ts`;
  const text = await moduleOf(kernel);
  if (!process.argv.includes("--check")) await writeFile(path, text);
  else if (text !== (await readFile(path, "utf8"))) throw new Error(`${path} is stale: npm run kernels`);
}
