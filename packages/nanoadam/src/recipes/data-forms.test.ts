/** The same data in whatever form they are given: the same model. */
import { execFileSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";
import { predict } from "./predict.js";

const rows = tinyRows(64);

describe("rows of a program", () => {
  test("train the model that a file of them trains, and are measured and asked alike", async () => {
    const place = await tinyPlace();
    const file = join(place.folder, "train.json");
    await writeFile(file, JSON.stringify({ data: rows }));
    const weightsOf = async (options: Partial<FinetuneInput>) => {
      const { folder, summary } = await tinyRun({ eval: undefined, ...options }, place);
      return { folder, summary, weights: await readFile(join(folder, "model.safetensors"), "base64") };
    };
    const fromFile = await weightsOf({ train: file });
    const fromRows = await weightsOf({ train: new Set(rows), text: ["sentence"] });
    expect(fromRows.weights === fromFile.weights).toBe(true);
    expect(fromRows.summary.configuration.train).toBe("rows of a program");

    const model = fromRows.folder;
    const shared = { model, text: "sentence", threads: 1 };
    const measured = await evaluate({ ...shared, data: rows, label: "label" });
    const { evaluation } = await evaluate({ ...shared, data: file, label: "label" });
    expect(measured.evaluation).toEqual(evaluation);
    const predictions = await predict({ ...shared, data: rows.values() });
    expect(predictions.map(({ text }) => text)).toEqual(rows.map(({ sentence }) => sentence));
  });

  test("are refused by the number of the row", async () => {
    const train = [...rows.slice(0, 3), { sentence: ["good"], label: "good" }];
    await expectRefusal(tinyRun({ train }), 'row 4 of `train`: the field "sentence" is missing or no text');
    await expectRefusal(tinyRun({ train: rows, text: "review" }), '`train` has no column "review"');
  });
});

test("each line of a text file has a prediction, blank or not, and so has each of a single column", async () => {
  const place = await tinyPlace();
  const { folder: model } = await tinyRun({}, place);
  const lines = ["good film", "", "bad film", "   ", "good", ""];
  for (const [name, content] of [
    ["texts.txt", `${lines.join("\n")}\n`],
    ["texts.csv", `text\r\n${lines.join("\r\n")}\r\n`],
  ] as const) {
    const data = join(place.folder, name);
    await writeFile(data, content);
    const predictions = await predict({ model, data, text: "text", threads: 1 });
    expect(predictions.map(({ text }) => text)).toEqual(lines);
  }
});

test("more columns of text than a task takes are refused once the data tell that they are several", async () => {
  const place = await tinyPlace();
  const text = "sentence,reply,label";
  await expectRefusal(tinyRun({ text }, place), "`text` is at most 2 columns for classification");
  await expectRefusal(tinyRun({ text: "sentence,reply", task: "masked-lm", label: undefined }, place), "`text` is one");
  await expectRefusal(tinyRun({ label: "label,score" }, place), "`label` is one column for classification");
});

test.skipIf(process.platform === "win32")(
  "a pipe in place of a model's file is refused before it is read",
  async () => {
    for (const name of ["model.safetensors", "config.json", "tokenizer.json"]) {
      const place = await tinyPlace();
      await rm(join(place.model, name));
      execFileSync("mkfifo", [join(place.model, name)]);
      await expectRefusal(tinyRun({}, place), `${name} could not be read: it is a pipe, expected a file`);
    }
  },
);

test.each(["model.safetensors", "config.json", "tokenizer.json"])("a Git LFS pointer in place of %s", async (name) => {
  const place = await tinyPlace();
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 440449768\n`;
  await writeFile(join(place.model, name), pointer);
  await expectRefusal(
    tinyRun({}, place),
    `${name} is a Git LFS pointer, not the file of 440449768 bytes`,
    "git lfs pull",
  );
});
