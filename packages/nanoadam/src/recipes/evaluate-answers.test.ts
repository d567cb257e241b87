import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { openDataSource } from "../data/source.js";
import { encodeContinuation } from "../data/text/learned-text.js";
import { answerTask } from "../tasks/answer-tasks.js";
import { readQuestions } from "../tasks/questions.js";
import { expectRefusal } from "../testing/refusal.js";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { logLikelihoods } from "../train/log-likelihoods.js";
import { evaluate } from "./evaluate.js";
import { evaluateAnswers } from "./evaluate-answers.js";
import { finetune } from "./finetune.js";
import { loadTextGenerator } from "./load-text-generator.js";
import { openModel } from "./open-model.js";
import { writtenAnswers } from "./written-answers.js";

/** Questions whose answer is that they are good, and a decoder that has not learned it. */
async function place() {
  const folder = await temporaryFolder();
  const model = await writeTinyDecoder(join(folder, "decoder"), {
    ...tinyDecoders.llama,
    max_position_embeddings: 300,
  });
  const rows = Array.from({ length: 24 }, (_, row) => ({
    instruction: `${row % 3 === 0 ? "bare" : "gold"} film?\n\nAnswer format: true/false`,
    input: "",
    output: `the correct answer is ${row % 3 !== 0}`,
    answer: String(row % 3 !== 0),
  }));
  const data = join(folder, "questions.json");
  await writeFile(data, JSON.stringify(rows));
  return { folder, model, data };
}

test("a choice's likelihood is what the loss says of it, whatever the batches", async () => {
  const { model: folder, data } = await place();
  const model = await openModel(folder, { threads: 1 });
  const source = await openDataSource(data, "data", { limit: 5 });
  const questions = await readQuestions(source, answerTask("commonsense/boolq"));
  const choices = questions.flatMap(({ prompt, choices: own }) =>
    own.map(({ completion }) => ({ prompt, completion })),
  );
  const texts = choices.map((choice) => encodeContinuation(model.text.tokenizer, choice, model.text.maxLength));
  const likelihoods = async (batchSize: number) =>
    logLikelihoods(model.text, texts, { programs: model.predictionPrograms, batchSize });
  const [one, several] = [await likelihoods(1), await likelihoods(4)];
  for (const [index, likelihood] of one.entries()) expect(several[index]).toBeCloseTo(likelihood, 4);
  await model.release();
  // The loss on the answers has the token of the end besides; so of the whole texts the prompts' are taken off.
  const lossOf = async (rows: object[]) => {
    const { evaluation } = await evaluate({ model: folder, data: rows, threads: 1 });
    return evaluation.loss;
  };
  const [first = { prompt: "", completion: "" }] = choices;
  const bare = async (text: string) => {
    const count = model.text.tokenizer.encode(text, undefined, 300).ids.length - 1;
    return -count * (await lossOf([{ text }]));
  };
  expect(one[0]).toBeCloseTo((await bare(first.prompt + first.completion)) - (await bare(first.prompt)), 2);
});

test("a decoder that is taught the answers gives them", async () => {
  const { folder, model, data } = await place();
  const options = { task: "commonsense/boolq", data, threads: 1 } as const;
  const before = await evaluateAnswers({ ...options, model });
  expect(before).toMatchObject({ task: "commonsense/boolq", questions: 24, answerBy: "likelihood" });
  const output = join(folder, "taught");
  await finetune({
    model,
    train: data,
    eval: data,
    output,
    task: "causal-lm",
    steps: 25,
    learningRate: 1e-2,
    threads: 1,
    maxLength: 300,
  });
  const { evaluation } = await evaluateAnswers({ ...options, model: output });
  expect(evaluation.accuracy).toBeGreaterThan(0.6);
  const cli = ["evaluate", "--model", output, "--task", "commonsense/boolq", "--data", data, "--threads", "1"];
  expect((await runCli(...cli)).stdout).toMatch(/^24 questions of commonsense\/boolq: .* right by likelihood/);
  expect(JSON.parse((await runCli(...cli, "--json", "--limit", "6")).stdout)).toMatchObject({ questions: 6 });
  const refused = await runCli(...cli, "--text", "instruction");
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("text")]);
  await expectRefusal(
    evaluateAnswers({ ...options, model: output, task: "gsm8k", answerBy: "likelihood" }),
    "`answerBy`",
    "no choices",
  );
});

test("a decoder writes its answers, the same in any company", async () => {
  const { folder, model, data } = await place();
  const output = join(folder, "taught");
  const task = answerTask("commonsense/boolq");
  const questions = await readQuestions(await openDataSource(data, "data", {}), task);
  const rows = questions.map(({ prompt }) => ({ prompt, completion: "true" }));
  const teaching = { steps: 25, learningRate: 1e-2, threads: 1, maxLength: 300 } as const;
  await finetune({ model, train: rows, output, task: "causal-lm", ...teaching });
  const first = questions.slice(0, 6);
  const opened = await openModel(output, { threads: 1 });
  const progress: (readonly [number, number])[] = [];
  const onProgress = (done: number, total: number) => void progress.push([done, total]);
  const together = await writtenAnswers(opened, task, first, { batchSize: 4, onProgress });
  const alone = await writtenAnswers(opened, task, first, { batchSize: 1 });
  await opened.release();
  expect(progress).toEqual([
    [4, 6],
    [6, 6],
  ]);
  expect(alone).toEqual(together);
  const generator = await loadTextGenerator(output, { threads: 1 });
  for (const [index, { prompt }] of first.entries()) {
    let text = "";
    for await (const piece of generator.generate(prompt, { maxNewTokens: task.longestAnswer, temperature: 0 })) {
      text += piece.text;
    }
    expect(text.startsWith(together.texts[index] ?? "-")).toBe(true);
  }
  await generator.close();
  const options = { model: output, task: "commonsense/boolq", data, answerBy: "generation", threads: 1 } as const;
  const report = await evaluateAnswers(options);
  expect(report).toMatchObject({ questions: 24, answerBy: "generation", notes: [] });
  expect(report.evaluation).toEqual({ accuracy: 16 / 24, unanswered: 0 });
  const short = await evaluateAnswers({ ...options, maxLength: 40, limit: 3 });
  expect(short.notes).toEqual(["3 questions with their answers are longer than 40 tokens, and lose their beginning"]);
  const cli = ["evaluate", "--model", output, "--task", "gsm8k", "--data", data, "--threads", "1"];
  expect((await runCli(...cli)).stderr).toContain('"answer" has no number');
  const sums = join(folder, "sums.jsonl");
  await writeFile(sums, `${JSON.stringify({ question: "1 + 2?", answer: "It is\n#### 3" })}\n`);
  const { stdout } = await runCli(...cli.with(6, sums));
  expect(stdout).toMatch(/^1 questions of gsm8k: 0.* right by generation, 1 without an answer\n$/);
});

test.skipIf(!sharedDataIsPresent)(
  "stories260K finds choices as likely as transformers does (needs shared/data)",
  async () => {
    const expected: readonly (readonly number[])[] = JSON.parse(
      await readFile(new URL("../testing/choice-likelihoods.json", import.meta.url), "utf8"),
    );
    const model = await openModel(join(sharedDataFolder, "models", "stories260K"), { threads: 1 });
    const source = await openDataSource(join(sharedDataFolder, "commonsense", "openbookqa", "test.json"), "data", {
      limit: expected.length,
    });
    const questions = await readQuestions(source, answerTask("commonsense/obqa"));
    const texts = questions.flatMap(({ prompt, choices }) =>
      choices.map(({ completion }) =>
        encodeContinuation(model.text.tokenizer, { prompt, completion }, model.text.maxLength),
      ),
    );
    const found = await logLikelihoods(model.text, texts, { programs: model.predictionPrograms, batchSize: 8 });
    await model.release();
    for (const [index, likelihood] of expected.flat().entries()) {
      expect(Math.abs((found[index] ?? Number.NaN) / likelihood - 1)).toBeLessThan(1e-4);
    }
  },
);
