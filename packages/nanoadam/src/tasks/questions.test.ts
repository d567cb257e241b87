/** Answers in texts, as LLM-Adapters and GSM8K find them; questions of files, and what answers to them come to. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { openDataSource, type Row } from "../data/source.js";
import { expectRefusal } from "../testing/refusal.js";
import { type AnswerTaskName, answerTask, answerTaskNames, isSameAnswer } from "./answer-tasks.js";
import { instructionPrompt } from "./instruction-texts.js";
import { readQuestions, scoreChoices, scoreTexts } from "./questions.js";

describe("the answer in a text", () => {
  test.each([
    ["commonsense/boolq", "the correct answer is true", "true"],
    ["commonsense/boolq", "false, and not true", "false"],
    ["commonsense/boolq", "True", undefined],
    ["commonsense/piqa", "the correct answer is solution2", "solution2"],
    ["commonsense/siqa", "answer3 or answer1", "answer3"],
    ["commonsense/arc-easy", "the correct answer is answer6", undefined],
    ["commonsense/hellaswag", "ending4", "ending4"],
    ["commonsense/winogrande", "Option1: option2", "option2"],
    ["commonsense/obqa", "", undefined],
    ["gsm8k", "3 + 4 = 7\n#### 7", "7"],
    ["gsm8k", "#### $1,234.50.", "1234.50"],
    ["gsm8k", "#### -3 and #### 4", "-3"],
    ["gsm8k", "the answer is 7", undefined],
    ["gsm8k", "#### seven", undefined],
  ] as const)("of %s: %j", (name, text, expected) => {
    expect(answerTask(name).extract(text)).toBe(expected);
  });

  test.each([
    ["gsm8k", "#### 12", false],
    ["gsm8k", "#### 12\n", true],
    ["commonsense/siqa", "the correct answer is ans", false],
    ["commonsense/siqa", "the correct answer is answer2", true],
  ] as const)("of %s is settled: %j", (name, text, expected) => {
    expect(answerTask(name).isSettled(text)).toBe(expected);
  });

  test("is the same as another where both are one number, or one text", () => {
    expect(
      [
        ["7", "7.0"],
        ["7", "8"],
        ["true", "true"],
        ["true", "false"],
        ["", "0"],
      ].map(([a = "", b = ""]) => isSameAnswer(a, b)),
    ).toEqual([true, false, true, false, false]);
  });
});

const read = async (rows: string | Iterable<Row>, name: AnswerTaskName, limit?: number) =>
  readQuestions(await openDataSource(rows, "data", { limit }), answerTask(name));

describe("questions", () => {
  const instruction = "Please choose: one or two?\n\nAnswer format: answer1/answer2";

  test("are instructions in LLM-Adapters' prompt, with the choices that they offer", async () => {
    const [question] = await read(
      [{ instruction, input: "", output: "the correct answer is answer2", answer: "answer2" }],
      "commonsense/siqa",
    );
    expect(question).toEqual({
      prompt: instructionPrompt(instruction),
      answer: "answer2",
      choices: ["answer1", "answer2"].map((answer) => ({ answer, completion: `the correct answer is ${answer}` })),
      line: 1,
    });
  });

  test("of GSM8K have a number for an answer", async () => {
    expect(await read([{ question: "2 + 2?", answer: "It is 4.\n#### 4" }], "gsm8k")).toEqual([
      { prompt: "Question: 2 + 2?\nAnswer:", answer: "4", choices: [], line: 1 },
    ]);
    expect((await read([{ instruction: "2 + 2?", answer: "1,004.0" }], "gsm8k"))[0]?.answer).toBe("1004.0");
    await expectRefusal(read([{ question: "a", answer: "four" }], "gsm8k"), "row 1 of `data`", "no number after ####");
  });

  test("of another task, or of none, are refused", async () => {
    const boolq = { instruction: "Is it?\n\nAnswer format: true/false", answer: "true" };
    await expectRefusal(
      read([boolq], "commonsense/piqa"),
      'row 1 of `data`: "answer" is "true", expected one of solution1',
    );
    await expectRefusal(read([{ text: "a" }], "commonsense/piqa"), "`data` has no questions", '"text"', "instruction");
  });

  const folders: readonly (readonly [AnswerTaskName, string])[] = [
    ["commonsense/boolq", "boolq"],
    ["commonsense/piqa", "piqa"],
    ["commonsense/siqa", "social_i_qa"],
    ["commonsense/winogrande", "winogrande"],
    ["commonsense/arc-easy", "ARC-Easy"],
    ["commonsense/arc-challenge", "ARC-Challenge"],
    ["commonsense/obqa", "openbookqa"],
  ];
  test.skipIf(!sharedDataIsPresent).each(folders)(
    "of %s are read, every one (needs shared/data)",
    async (name, folder) => {
      const file = join(sharedDataFolder, "commonsense", folder, "test.json");
      expect(existsSync(file)).toBe(true);
      const questions = await read(file, name);
      expect(questions.length).toBeGreaterThan(400);
      const { extract } = answerTask(name);
      for (const { answer, choices } of questions) {
        expect(choices.length).toBeGreaterThan(1);
        for (const choice of choices) expect(extract(choice.completion)).toBe(choice.answer);
        expect(choices.map((choice) => choice.answer)).toContain(answer);
      }
    },
  );
});

describe("what answers come to", () => {
  test("written ones: those without an answer are wrong, and counted", async () => {
    const questions = await read(
      ["1", "2", "3"].map((answer) => ({ question: "?", answer })),
      "gsm8k",
    );
    expect(scoreTexts(answerTask("gsm8k"), questions, ["#### 1", "#### 3", "three"])).toEqual({
      accuracy: 1 / 3,
      unanswered: 1,
    });
  });

  test("likeliest choices: by their sums, and by their sums for each character", () => {
    const choices = [
      { answer: "a", completion: "one" },
      { answer: "b", completion: "a longer one" },
    ];
    const question = (answer: string) => ({ prompt: "?", answer, choices, line: 1 });
    // The longer choice has the lower sum, and more for each character.
    expect(scoreChoices([question("b"), question("a")], [-3, -4, -3, -4])).toEqual({
      accuracy: 0.5,
      accuracyNormalised: 0.5,
    });
    expect(scoreChoices([question("b")], [-3, -4])).toEqual({ accuracy: 0, accuracyNormalised: 1 });
  });
});

test("every task has a name", () => {
  expect(answerTaskNames.map((name) => answerTask(name).name)).toEqual(answerTaskNames);
});
