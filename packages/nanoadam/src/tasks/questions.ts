/** Questions of an answer task, as its file has them. */
import type { DataSource } from "../data/source.js";
import { placeOf } from "../data/tables/place.js";
import { listedColumns, requireColumn, requireField, textOf } from "../data/tables/table.js";
import { InputError, shown } from "../errors.js";
import { type AnswerTask, isSameAnswer } from "./answer-tasks.js";
import { instructionPrompt, questionPrompt } from "./instruction-texts.js";

export interface Question {
  /** What a model is given. */
  readonly prompt: string;
  /** The answer that is right. */
  readonly answer: string;
  /** The answers that the question offers, each with the text that follows the prompt; none for numbers. */
  readonly choices: readonly { readonly answer: string; readonly completion: string }[];
  readonly line: number;
}

/**
 * The questions of a file in LLM-Adapters' layout (`instruction`, `input`, `answer`), or of GSM8K (`question`, `answer`).
 * @throws InputError for a file of another layout, and with its line for a row whose answer is none of the task's
 */
export async function readQuestions(source: DataSource, task: AnswerTask): Promise<Question[]> {
  const table = await source.table();
  const isQuestion = task.choices === undefined && table.columns.includes("question");
  const asked = isQuestion ? "question" : "instruction";
  if (!table.columns.includes(asked) || !table.columns.includes("answer")) {
    const layouts =
      task.choices === undefined ? "question and answer, or instruction and answer" : "instruction, input and answer";
    throw new InputError(
      `${table.file} has no questions of ${task.name}: its columns are ${listedColumns(table.columns)}, expected ${layouts}`,
    );
  }
  for (const column of [asked, "answer"]) requireColumn(table, column);
  return table.rows.slice(0, source.limit).map((row): Question => {
    const text = requireField(table, row, asked);
    const answer = requireField(table, row, "answer");
    const place = placeOf(table.file, row.line);
    const prompt = isQuestion ? questionPrompt(text).prompt : instructionPrompt(text, textOf(table, row, "input"));
    if (task.choices === undefined) {
      return { prompt, answer: rightNumber(answer, task, place), choices: [], line: row.line };
    }
    const offered = offeredAnswers(text, task.choices);
    if (!offered.includes(answer)) {
      throw new InputError(
        `${place}: "answer" is ${shown(answer)}, expected one of ${offered.join(", ")} for ${task.name}`,
      );
    }
    const choices = offered.map((each) => ({ answer: each, completion: `the correct answer is ${each}` }));
    return { prompt, answer, choices, line: row.line };
  });
}

function rightNumber(answer: string, { name, extract }: AnswerTask, place: string): string {
  const found = extract(answer) ?? answer.trim().replace(/,/g, "");
  if (found !== "" && Number.isFinite(Number(found))) return found;
  throw new InputError(`${place}: "answer" has no number after ####, expected one for ${name}`);
}

/** What the question's last line names: `Answer format: answer1/answer2/answer3`; all that the task has where there is none. */
function offeredAnswers(instruction: string, all: readonly string[]): readonly string[] {
  const [, format = ""] = /Answer format: *(\S+)\s*$/.exec(instruction) ?? [];
  const named = format.split("/").filter((answer) => all.includes(answer));
  return named.length > 1 ? named : all;
}

/** How questions were answered. */
export interface AnswerScore {
  /** The fraction that is right. */
  readonly accuracy: number;
  /** How many texts have no answer in them, which count as wrong. */
  readonly unanswered: number;
}

/** What texts that a model wrote after the prompts come to. */
export function scoreTexts(task: AnswerTask, questions: readonly Question[], texts: readonly string[]): AnswerScore {
  const answers = texts.map((text) => task.extract(text.trim()));
  const right = questions.filter(({ answer }, index) => isSameAnswer(answers[index] ?? "", answer));
  return {
    accuracy: right.length / Math.max(1, questions.length),
    unanswered: answers.filter((answer) => answer === undefined).length,
  };
}

/** How questions are answered by the choice that is likeliest. */
export interface ChoiceScore {
  /** By the sum of the tokens' logarithms: lm-evaluation-harness's `acc`. */
  readonly accuracy: number;
  /** By that sum for each character of the choice: `acc_norm`. */
  readonly accuracyNormalised: number;
}

/** @param likelihoods the logarithm of each choice's probability, in the order of questions and choices */
export function scoreChoices(questions: readonly Question[], likelihoods: ArrayLike<number>): ChoiceScore {
  let [right, rightNormalised, next] = [0, 0, 0];
  for (const { answer, choices } of questions) {
    const own = choices.map(({ completion }) => {
      const logarithm = likelihoods[next++] ?? Number.NaN;
      return { logarithm, normalised: logarithm / completion.length };
    });
    const best = (by: "logarithm" | "normalised") =>
      own.reduce((first, each, place) => (each[by] > (own[first]?.[by] ?? Number.NaN) ? place : first), 0);
    if (choices[best("logarithm")]?.answer === answer) right++;
    if (choices[best("normalised")]?.answer === answer) rightNormalised++;
  }
  const count = Math.max(1, questions.length);
  return { accuracy: right / count, accuracyNormalised: rightNormalised / count };
}
