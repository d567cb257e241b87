import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { tinyInput, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { finetune } from "./finetune.js";
import { predict } from "./predict.js";

test("a run in WebAssembly is the native one but for rounding, and so are predictions", async () => {
  const place = await tinyPlace();
  const native = await tinyRun({ steps: 6, logEvery: 1, engine: "native" }, place);
  const wasm = await tinyRun({ steps: 6, logEvery: 1, engine: "wasm" }, place);
  expect([native.summary.engine.name, wasm.summary.engine.name]).toEqual(["onnxruntime-node", "onnxruntime-web"]);
  const losses = ({ steps }: typeof native) => steps.map(({ loss }) => loss);
  expect(losses(wasm)).toHaveLength(6);
  for (const [step, loss] of losses(native).entries()) expect(losses(wasm)[step]).toBeCloseTo(loss, 4);
  expect(wasm.summary.evaluation.final.loss).toBeCloseTo(native.summary.evaluation.final.loss, 4);

  const text = "good film";
  const [[there], [here]] = await Promise.all([
    predict({ model: native.folder, text, engine: "native" }),
    predict({ model: native.folder, text, engine: "wasm" }),
  ]);
  expect(there).toHaveProperty("label");
  expect(here).toHaveProperty("label", there !== undefined && "label" in there ? there.label : undefined);
});

test("an engine that there is not is refused by its flag", async () => {
  const place = await tinyPlace();
  await expect(finetune(tinyInput(place, { engine: "gpu" as "wasm" }))).rejects.toThrow(/`engine` is "gpu"/);
  const { exitCode, stderr } = await runCli(
    "evaluate",
    "--model",
    place.model,
    "--data",
    place.train,
    "--engine",
    "gpu",
  );
  expect(exitCode).toBe(1);
  expect(stderr).toContain("--engine");
});

test("the record of a run says what its numbers depend on, each with the version that is installed", async () => {
  const { folder } = await tinyRun({ steps: 1 });
  const { versions, engine } = JSON.parse(await readFile(join(folder, "summary.json"), "utf8"));
  expect(Object.keys(versions)).toEqual([
    "nanoadam",
    "node",
    "@nanoadam/optim",
    "@nanoadam/engine",
    "@huggingface/tokenizers",
  ]);
  for (const version of [...Object.values(versions), engine.version]) expect(version).toMatch(/^\d+\.\d+\.\d+/);
});
