import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { finetuneSchema, parseFinetuneOptions } from "../options/finetune-options.js";
import { optionFileOf, parseOptionFile } from "../options/option-files.js";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyPlace } from "../testing/tiny-run.js";
import { askOptions } from "./ask-options.js";

/** What someone who gives these answers is told, and the options that come of them; an empty answer takes what is suggested. */
async function answered(answers: readonly string[]) {
  const [told, left]: [string[], string[]] = [[], [...answers]];
  const options = await askOptions({
    ask: async (question, otherwise) => {
      told.push(otherwise === undefined ? question : `${question} [${otherwise}]`);
      const answer = left.shift();
      if (answer === undefined) throw new Error(`no answer is left to ${question}`);
      return answer === "" ? (otherwise ?? "") : answer;
    },
    tell: (line) => told.push(line),
  });
  return { told, options };
}

test("model, data and columns are asked for, with what is in the file, and the file that is written says it", async () => {
  const { model, train } = await tinyPlace();
  const { told, options } = await answered([model, train, "", "", "", "good-or-bad"]);
  expect(options).toEqual({
    model,
    train,
    text: "sentence",
    label: "label",
    task: "classification",
    output: "good-or-bad",
  });
  expect(told).toContain("64 rows, with the columns");
  expect(told).toContainEqual(expect.stringMatching(/^ {2}label: 2 different, such as "good"$/));
  expect(told).toContain("Column of the label [label]");
  const read = parseOptionFile(optionFileOf(options), "written.yaml", finetuneSchema);
  expect(parseFinetuneOptions(read as typeof options)).toEqual(parseFinetuneOptions(options));
});

test("what cannot be used is said, and asked for again", async () => {
  const { train } = await tinyPlace();
  const { told, options } = await answered(["nowhere", "", "", "missing.csv", train, "txt", "", "score", "", ""]);
  expect(options).toMatchObject({ model: "demo", label: "score", task: "regression", output: "train-model" });
  expect(told).toContain("nowhere is no folder with a config.json");
  expect(told).toContainEqual(expect.stringMatching(/missing\.csv/));
  expect(told).toContain('there is no column "txt", expected one of sentence, reply, label, score');
});

test("where nobody can be asked, the way out is named; a file that is there stays", async () => {
  const file = join(await temporaryFolder(), "mine.yaml");
  const refused = await runCli("init", file);
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--print-config > ") });
  expect(existsSync(file)).toBe(false);
  const data = await runCli("init", "reviews.csv");
  expect(data).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("expected a name that ends in .yaml") });
  await writeFile(file, "");
  expect((await runCli("init", file)).stderr).toContain("is there already");
});
