/** The documentation is true: its examples compile and run, its links lead somewhere, and the library's page has all exports. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { exportModel, finetune, predict } from "nanoadam";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openPage } from "../packages/nanoadam/src/testing/browser.js";
import { chromium } from "../packages/nanoadam/src/testing/chromium.js";
import { isBuilt } from "../packages/nanoadam/src/testing/crash/child.js";
import { runCli } from "../packages/nanoadam/src/testing/run-cli.js";
import { serveFolder } from "../packages/nanoadam/src/testing/serve-folder.js";
import { writeTinyChatDecoder, writeTinyChats } from "../packages/nanoadam/src/testing/tiny-chats.js";
import { writeTinyCheckpoint } from "../packages/nanoadam/src/testing/tiny-checkpoint.js";
import { tinyRows } from "../packages/nanoadam/src/testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../packages/nanoadam/src/testing/tiny-run.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const pages = ["", "docs/", "bench/", "examples/", "packages/optim/", "packages/engine/", "packages/nanoadam/"].flatMap(
  (folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => folder + name),
);

/** A page's blocks of TypeScript. */
const blocksOf = (page: string) => [...read(page).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);

const examples = [
  "README.md",
  "docs/getting-started.md",
  "docs/decoders.md",
  "docs/library.md",
  "packages/engine/README.md",
  "packages/nanoadam/README.md",
].flatMap((page) => blocksOf(page).map((code, place) => ({ name: `${page}, example ${place + 1}`, code })));

describe("examples", () => {
  const before = process.cwd();
  let folder = "";
  const fileOf = (place: number) => join(folder, `example-${place}.ts`);

  /** A folder that has what the examples name: a checkpoint, reviews, and models that learned from them. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nanoadam-docs-"));
    const csv = (rows: number, seed: number) =>
      ["review,label", ...tinyRows(rows, seed).map(({ sentence, label }) => `${sentence},${label}`), ""].join("\n");
    for (const [place, name] of ["reviews.csv", "test.csv", "new.csv"].entries()) {
      await writeFile(join(folder, name), csv(60, place + 1));
    }
    for (const [place, { code }] of examples.entries()) await writeFile(fileOf(place), code);
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    process.chdir(folder);
    const model = await writeTinyCheckpoint("bert-base-uncased");
    await finetune({ model, train: "reviews.csv", steps: 4, output: "reviews-model" });
    await finetune({ model, train: join(root, "bench/data/questions.csv"), steps: 1, output: "questions-model" });
    await writeTinyChatDecoder("SmolLM2-135M-Instruct", 320);
    await writeTinyChats("chats.jsonl");
  });
  afterAll(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true, force: true });
  });

  test.each(examples.map(({ name }, place) => [name, place] as const))("%s runs, and prints", async (_, place) => {
    // A thread's script is the built one.
    if (!isBuilt && examples[place]?.code.includes("worker: true")) return;
    const log = vi.spyOn(console, "log").mockReturnValue();
    try {
      await import(/* @vite-ignore */ fileOf(place));
      expect(log).toHaveBeenCalled();
      expect(log.mock.calls.flat()).not.toContain(undefined);
    } finally {
      log.mockRestore();
    }
  });

  test("all compile", async () => {
    const source = (path: string) => [join(root, "packages", path)];
    const paths = {
      nanoadam: source("nanoadam/src/index.ts"),
      "@nanoadam/engine": source("engine/src/index.ts"),
      "@nanoadam/engine/node": source("engine/src/runtime/node.ts"),
      "@nanoadam/optim": source("optim/src/index.ts"),
    };
    const typeRoots = [join(root, "node_modules/@types")];
    const options = {
      composite: false,
      noEmit: true,
      noUncheckedIndexedAccess: false,
      types: ["node"],
      typeRoots,
      paths,
    };
    const config = {
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: options,
      include: ["*.ts", join(root, "types")],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const run = promisify(execFile)(process.execPath, [compiler, "-p", folder]);
    const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
    expect(stdout).toBe("");
  });
});

test("the library's page has every export", () => {
  const index = read("packages/nanoadam/src/index.ts");
  const lists = [...index.matchAll(/^export (?:type )?\{(.*?)\}/gms)].flatMap(([, names = ""]) => names.split(","));
  const names = lists.map((name) => name.replace(/\btype\b/, "").trim()).filter((name) => name !== "");
  expect(names.length).toBeGreaterThan(50);
  const words = new Set(read("docs/library.md").match(/\w+/g));
  expect(names.filter((name) => !words.has(name))).toEqual([]);
});

test("the command line's page has every command's flags", async () => {
  const page = new Set(read("docs/cli.md").match(/--[a-z\d-]+/g));
  for (const command of [
    "finetune",
    "evaluate",
    "predict",
    "generate",
    "chat",
    "export",
    "compare",
    "analyze",
    "continual",
    "presets",
    "init",
    "demo",
  ]) {
    const { stdout } = await runCli(command, "--help");
    const flags = [...stdout.matchAll(/^ +(?:-\w, )?(?:--\w+, )?(--[a-z\d-]+)/gm)].map(([, flag = ""]) => flag);
    expect(flags).toContain("--help");
    expect(flags.filter((flag) => !page.has(flag))).toEqual([]);
  }
});

test("the server's page has the code that is tested", () => {
  const files = ["teacher.ts", "server.ts", "requests.ts", "main.ts"].map((name) =>
    read(`examples/src/server/${name}`),
  );
  expect(blocksOf("docs/web-app.md")).toEqual(files);
});

test.skipIf(chromium === undefined)(
  "the page without a server answers in a browser, and asks no other host",
  { timeout: 120_000 },
  async () => {
    const [page = ""] = [...read("docs/web-app.md").matchAll(/^```html\n(.*?)^```$/gms)].map(([, code]) => code);
    const place = await tinyPlace();
    const { folder: model } = await tinyRun({ steps: 20 }, place);
    const site = join(place.folder, "site");
    await exportModel({ model, format: "onnx", dtype: "int8", output: join(site, "questions-onnx") });
    await writeFile(join(site, "index.html"), page);
    const modules = (path: string) => join(root, "node_modules", path);
    await copyFile(modules("@huggingface/transformers/dist/transformers.min.js"), join(site, "transformers.min.js"));
    for (const ending of ["mjs", "wasm"]) {
      const name = `ort-wasm-simd-threaded.asyncify.${ending}`;
      await copyFile(modules(`onnxruntime-web/dist/${name}`), join(site, name));
    }
    const url = await serveFolder(site);
    const { evaluate, requests } = await openPage(url);
    const answer = () => evaluate("document.querySelector('#answer').textContent");
    await expect.poll(answer, { timeout: 60_000 }).toMatch(/^\[{"label":/);
    await evaluate("text.value = 'good film'; text.oninput()");
    const [prediction] = await predict({ model, text: "good film", threads: 1 });
    const { label, probability } = prediction as { readonly label: string; readonly probability: number };
    const [told] = JSON.parse(String(await answer())) as { readonly label: string; readonly score: number }[];
    expect(told).toEqual({ label, score: expect.closeTo(probability, 1) });
    expect(requests.filter((each) => !each.startsWith(url) && !each.startsWith("blob:"))).toEqual([]);
  },
);

/** What GitHub calls a heading in an address. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

test("links lead to files and headings that are there", () => {
  const anchorsOf = (page: string) =>
    [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
  const faults = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
      if (/^\w+:/.test(link)) return [];
      const [path = "", anchor] = link.split("#");
      const target = relative(root, join(root, path === "" ? page : join(dirname(page), path)));
      if (!existsSync(join(root, target))) return [`${page}: ${link}`];
      return anchor === undefined || anchorsOf(target).includes(anchor) ? [] : [`${page}: ${link}`];
    }),
  );
  expect(faults).toEqual([]);
});
