/** The output of evaluate and predict. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { capture, runCli } from "../testing/run-cli.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { runCommandLine } from "./command-line.js";

test("predictions and evaluations go to stdout, as JSON when asked", async () => {
  const rows = tinyRows(4, 99);
  const place = await tinyPlace({}, { evaluation: rows });
  const { folder } = await tinyRun({}, place);
  const one = await runCli("predict", "--model", folder, "--text", "good film");
  expect(one).toMatchObject({
    exitCode: 0,
    stderr: "",
    stdout: expect.stringMatching(/^(good|bad)\t\d+\.\d %\tgood film\n$/),
  });
  const labelled = ["--json", "--model", folder, "--data", place.evaluation, "--text", "sentence"];
  const many = await runCli("predict", ...labelled);
  const texts = many.stdout.trimEnd().split("\n");
  expect(texts.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(
    rows.map(({ sentence }) => sentence),
  );
  const report = await runCli("evaluate", ...labelled, "--label", "label");
  expect(JSON.parse(report.stdout)).toMatchObject({ task: "classification", examples: 4 });
});

/** `nanoadam predict` with a tiny model, in a folder that has its data. */
async function predictor(options: Parameters<typeof tinyRun>[0] = {}) {
  const place = await tinyPlace();
  const { folder: model } = await tinyRun(options, place);
  const path = (name: string) => join(place.folder, name);
  return {
    path,
    write: async (name: string, text: string) => {
      await writeFile(path(name), text);
      return path(name);
    },
    read: (name: string) => readFile(path(name), "utf8"),
    predict: (...arguments_: string[]) => runCli("predict", "--model", model, "--threads", "1", ...arguments_),
    async predictInput(input: string, ...arguments_: string[]) {
      const { streams, printed } = capture();
      const stdin = Readable.from([Buffer.from(input)]);
      const flags = ["predict", "-", "--model", model, "--threads", "1", ...arguments_];
      return { exitCode: await runCommandLine(flags, { ...streams, stdin }), ...printed() };
    },
  };
}

test("a text with line breaks and tabs is one line of three fields", async () => {
  const { predict, write } = await predictor();
  const data = await write("texts.csv", 'text\n"good\nfilm"\n"bad\tfilm"\n');
  const { stdout } = await predict(data, "--text", "text");
  const lines = stdout.trimEnd().split("\n");
  expect(lines.map((line) => line.split("\t"))).toEqual([
    [expect.any(String), expect.any(String), "good film"],
    [expect.any(String), expect.any(String), "bad film"],
  ]);
});

test("standard input has a text or a JSON object on each line", async () => {
  const { predictInput } = await predictor();
  const lines = await predictInput("good film\nbad film\n");
  expect(lines.stdout).toMatch(/^\w+\t\S+ %\tgood film\n\w+\t\S+ %\tbad film\n$/);
  const objects = await predictInput('{"sentence":"good film"}\n', "--text", "sentence", "--json");
  expect(JSON.parse(objects.stdout)).toMatchObject({ text: "good film", label: expect.any(String) });
  expect((await predictInput("")).stderr).toBe("nanoadam: Standard input is empty, expected a text on each line.\n");
});

describe("an output file", () => {
  test("has all columns of the data in their order, and the predictions after them", async () => {
    const { predict, write, read, path } = await predictor();
    const data = await write("new.csv", 'id,text,label\n7,good film,?\n8,"bad, ""very"" bad",?\n');
    const { stdout, exitCode } = await predict(data, "--text", "text", "-o", path("out.csv"));
    expect([exitCode, stdout]).toEqual([0, `2 rows written to ${path("out.csv")}\n`]);
    const [header, ...rows] = (await read("out.csv")).trimEnd().split("\n");
    expect(header).toBe("id,text,label,predicted_label,probability");
    expect(rows[0]).toMatch(/^7,good film,\?,(good|bad),0\.\d+$/);
    expect(rows[1]).toMatch(/^8,"bad, ""very"" bad",\?,(good|bad),0\.\d+$/);
  });

  test("keeps what JSON has, and is in the order of many rows", async () => {
    const { predict, write, read, path } = await predictor();
    const rows = tinyRows(100, 5).map(({ sentence }, id) => ({ id, sentence, more: { tags: [id, null] } }));
    const data = await write("new.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await predict(data, "--text", "sentence", "--batch", "4", "-o", path("out.jsonl"));
    const written = (await read("out.jsonl"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(written).toEqual(
      rows.map((row) => ({ ...row, label: expect.stringMatching(/good|bad/), probability: expect.any(Number) })),
    );
  });

  test("has numbers, where the model predicts numbers", async () => {
    const { predict, write, read, path } = await predictor({ task: "regression", label: "score" });
    await predict(await write("new.txt", "good film\n"), "-o", path("out.tsv"));
    expect(await read("out.tsv")).toMatch(/^text\tprediction\ngood film\t-?\d\.\d+\n$/);
  });

  test("is never the data, replaces nothing unless told, and its ending says the format", async () => {
    const { predict, write, read, path } = await predictor();
    const data = await write("new.csv", "text\ngood film\n");
    const kept = await write("kept.csv", "mine");
    const refused = async (says: string, ...flags: string[]) => {
      const { exitCode, stderr } = await predict(data, "--text", "text", ...flags);
      expect(stderr).toMatch(/^nanoadam: [^\n]+\n$/);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(says)]);
    };
    await refused("is --data itself", "-o", data, "--overwrite");
    await refused("exists; pass --overwrite to replace it", "-o", kept);
    await refused("expected one of .csv, .tsv, .jsonl", "-o", path("out.xlsx"));
    await refused("does not exist", "-o", path("nowhere/out.csv"));
    await refused("--overwrite needs --output", "--overwrite");
    await refused('has no column "body"', "--text", "body", "-o", path("out.csv"));
    await refused("given twice", "--data", data);
    expect(await read("kept.csv")).toBe("mine");
    expect(await read("new.csv")).toBe("text\ngood film\n");
    expect((await predict(data, "--text", "text", "-o", kept, "--overwrite")).exitCode).toBe(0);
    expect(await read("kept.csv")).toMatch(/^text,label,probability\n/);
  });
});

const builtCommand = fileURLToPath(new URL("../../bin/nanoadam.js", import.meta.url));
const isBuilt = existsSync(fileURLToPath(new URL("../../dist/cli/watch-outputs.js", import.meta.url)));

test.skipIf(!isBuilt)("a reader that has seen enough ends the command quietly (needs npm run build)", async () => {
  const command = `"${process.execPath}" "${builtCommand}" finetune --help | head -1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await promisify(execFile)("bash", ["-c", command]);
  expect(stdout).toBe("Usage: nanoadam finetune [options]\n0\n");
  expect(stderr).toBe("");
});

test.skipIf(!isBuilt || !existsSync("/dev/full"))("a full standard output is an error of one line", async () => {
  const command = `"${process.execPath}" "${builtCommand}" --help > /dev/full`;
  await expect(promisify(execFile)("bash", ["-c", command])).rejects.toMatchObject({
    code: 1,
    stderr: "nanoadam: standard output could not be written: no space is left on the device\n",
  });
});
