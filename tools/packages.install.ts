/**
 * The packages as a stranger gets them: packed, installed from the tarballs and the registry into an empty folder, and used there.
 * It needs the network, so it is not among the ordinary tests: `npm run test:install`.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyCheckpoint } from "../packages/nanoadam/src/testing/tiny-checkpoint.js";
import { tinyRows, writeTinyData } from "../packages/nanoadam/src/testing/tiny-data.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

/** What npm sets for the scripts that it runs, but for where packages come from: a stranger's shell has none of it. */
const ofRunningScript = /^npm_(?!config_(registry|cache|userconfig|globalconfig|cafile|noproxy|(https?_)?proxy)$)/;
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofRunningScript.test(name)));
const shell = process.platform === "win32";

const isReachable =
  spawnSync("npm", ["view", "zod", "version"], { cwd: tmpdir(), env: environment, shell }).status === 0;
if (!isReachable) console.warn("The package registry cannot be reached: installing the packages is not tested.");

describe.skipIf(!isReachable)("the packed packages, installed in an empty folder", () => {
  let folder = "";
  let tarballs: readonly string[] = [];
  const inFolder = (command: string, ...arguments_: readonly string[]) =>
    run(command, [...arguments_], { cwd: folder, env: environment, shell }).catch((error: unknown) => {
      const { stderr = "" } = error as { readonly stderr?: string };
      throw Object.assign(new Error(stderr, { cause: error }), error);
    });
  const install = (...flags: readonly string[]) => inFolder("npm", "install", ...flags, ...tarballs);
  const finetune = (output: string) =>
    inFolder(
      "npx",
      ...["--no", "nanoadam", "finetune", "--model", "model", "--train", "train.tsv", "--text", "sentence"],
      ...["--label", "label", "--steps", "2", "--batch-size", "4", "--output", output],
    );
  const engineOf = async (output: string) =>
    JSON.parse(await readFile(join(folder, output, "summary.json"), "utf8")).engine.name;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nanoadam-installed-"));
    const { stdout } = await run(process.execPath, [join(root, "tools/pack.mjs"), join(folder, "tarballs")]);
    tarballs = stdout.trim().split("\n");
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
    await writeTinyCheckpoint(join(folder, "model"), {});
    await writeTinyData(join(folder, "train.tsv"), tinyRows(32));
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("fine-tune without the native library, and say so", { timeout: 300_000 }, async () => {
    await install("--omit=optional");
    const { stderr } = await finetune("in-webassembly");
    expect(stderr).toMatch(/^onnxruntime-node is not installed .*; running in WebAssembly instead, .*slower$/m);
    expect(await engineOf("in-webassembly")).toBe("onnxruntime-web");
  });

  test("fine-tune as npm installs them by default, whether scripts of installs run, fail or are not run", {
    timeout: 300_000,
  }, async () => {
    await install();
    const { stdout } = await finetune("by-default");
    expect(stdout).toContain("written to by-default");
    await install("--ignore-scripts");
    const { stderr } = await finetune("without-scripts");
    // Where there is a native library for this machine, it is in the package, and no script is needed.
    const isThere = !/onnxruntime-node has no library|could not be loaded/.test(stderr);
    if (isThere) expect(await engineOf("without-scripts")).toBe("onnxruntime-node");
  });

  test("are a library", { timeout: 60_000 }, async () => {
    const script = `
      import { finetune, predict } from "nanoadam";
      const summary = await finetune({
        model: "model", train: "train.tsv", text: "sentence", label: "label", steps: 2, batchSize: 4, output: "by-library",
      });
      const [prediction] = await predict({ model: "by-library", text: "good" });
      console.log(summary.steps, typeof prediction.label);`;
    await writeFile(join(folder, "use.js"), script);
    expect((await inFolder("node", "use.js")).stdout).toBe("2 string\n");
  });

  test.each([
    ["neither the browser's types nor Node's", { lib: ["ES2023"] }],
    ["the browser's types", { lib: ["ES2023", "DOM"] }],
    ["a bundler", { lib: ["ES2023"], module: "ESNext", moduleResolution: "bundler" }],
  ])("type-check with %s, libraries included", async (_, options) => {
    const consumer = `
      import { add, derive, input } from "@nanoadam/engine";
      import { cpuRuntime } from "@nanoadam/engine/node";
      import { webRuntime } from "@nanoadam/engine/web";
      import { createNanoAdam } from "@nanoadam/optim";
      import * as nanoadam from "nanoadam";
      export const all = { add, derive, input, cpuRuntime, webRuntime, createNanoAdam };
      export const run: Promise<nanoadam.RunSummary> = nanoadam.finetune({ model: "m", train: "t", output: "o", text: "x" });`;
    await writeFile(join(folder, "consumer.ts"), consumer);
    const strict = { strict: true, skipLibCheck: false, noEmit: true, types: [], target: "ES2022" };
    const node = { module: "NodeNext", moduleResolution: "NodeNext" };
    const compilerOptions = { ...node, ...strict, ...options };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await inFolder("node", compiler, "-p", ".").catch((error: { readonly stdout: string }) => error);
    expect(stdout).toBe("");
  });
});
