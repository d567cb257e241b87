/** A disk that fails while a model is saved does not take the model along. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { saveResult } from "./save-result.js";

const files = { weights: "model.safetensors", others: ["metrics.jsonl"] };

/** A place, an output with a log in it, and the folder of temporary files. */
async function workplace() {
  const parent = await temporaryFolder();
  const temporary = join(parent, "temporary");
  await mkdir(temporary);
  vi.stubEnv("TMPDIR", temporary);
  const output = await OutputFolder.create(join(parent, "out"), { overwrite: false });
  await writeFile(output.path("metrics.jsonl"), "log");
  return { parent, temporary, output };
}

/** Saves, but the first so many times it fails after the weights. */
function saving(failures: number) {
  let count = 0;
  return async (folder: OutputFolder) => {
    count++;
    await writeFile(folder.path("model.safetensors"), "weights");
    if (count <= failures) throw new InputError(`${folder.path("config.json")} could not be written: no space.`);
    await writeFile(folder.path("config.json"), "{}");
  };
}

test("what fails once is tried again", async () => {
  const { parent, output } = await workplace();
  await saveResult(output, saving(1), files);
  expect((await readdir(join(parent, "out"))).sort()).toEqual(["config.json", "metrics.jsonl", "model.safetensors"]);
  vi.unstubAllEnvs();
});

test("what fails again is saved among the temporary files, and the message says where", async () => {
  const { temporary, output } = await workplace();
  const work = saveResult(output, saving(2), files);
  await expect(work).rejects.toThrow(
    /out could not be written: no space\. The trained model is whole in .*nanoadam-result-/,
  );
  await output.discard();
  const [kept = ""] = await readdir(temporary);
  expect((await readdir(join(temporary, kept))).sort()).toEqual(["config.json", "metrics.jsonl", "model.safetensors"]);
  vi.unstubAllEnvs();
});

test("where that fails too, the weights are kept", async () => {
  const { parent, output } = await workplace();
  const work = saveResult(output, saving(3), files);
  await expect(work).rejects.toThrow(/The trained weights are in .*out\.kept-[0-9a-f]{6}\/model\.safetensors; move/);
  await output.discard();
  const kept = (await readdir(parent)).find((name) => name.startsWith("out.kept-")) ?? "";
  expect(await readFile(join(parent, kept, "model.safetensors"), "utf8")).toBe("weights");
  vi.unstubAllEnvs();
});
