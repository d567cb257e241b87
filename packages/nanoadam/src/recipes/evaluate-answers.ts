/** How many questions of a task a decoder answers rightly. */
import { mapInTurns } from "../data/in-turns.js";
import { openDataSource } from "../data/source.js";
import { encodeContinuation } from "../data/text/learned-text.js";
import { InputError } from "../errors.js";
import { parseOptions } from "../options/parse-options.js";
import { type EvaluateAnswersInput, evaluateAnswersSchema } from "../options/saved-model-options.js";
import { type AnswerTaskName, answerTask } from "../tasks/answer-tasks.js";
import {
  type AnswerScore,
  type ChoiceScore,
  type Question,
  readQuestions,
  scoreChoices,
  scoreTexts,
} from "../tasks/questions.js";
import { logLikelihoods } from "../train/log-likelihoods.js";
import type { NoticeListener } from "../train/observer.js";
import { type OpenModel, openModel } from "./open-model.js";
import { writtenAnswers } from "./written-answers.js";

/** How questions were answered; `answerBy` says which figures there are. */
export type AnswerReport = {
  readonly task: AnswerTaskName;
  readonly questions: number;
  /** What should be said of the data, a sentence each. */
  readonly notes: readonly string[];
} & (
  | {
      /** The likeliest choice. */
      readonly answerBy: "likelihood";
      readonly evaluation: ChoiceScore;
    }
  | {
      /** What is found in the text that the model writes. */
      readonly answerBy: "generation";
      readonly evaluation: AnswerScore;
    }
);

export interface EvaluateAnswersControl extends NoticeListener {
  /** Called while the model writes answers, with the number of questions that are answered. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Has a decoder answer questions, and counts what is right.
 * @throws InputError for anything wrong with options, model or data.
 */
export async function evaluateAnswers(
  input: EvaluateAnswersInput,
  control: EvaluateAnswersControl = {},
): Promise<AnswerReport> {
  const {
    model: folder,
    data,
    task: name,
    batchSize,
    limit,
    delimiter,
    ...options
  } = parseOptions(evaluateAnswersSchema, input);
  const answerBy = options.answerBy ?? (name === "gsm8k" ? "generation" : "likelihood");
  const model = await openModel(folder, options, control);
  try {
    if (model.task.name !== "causal-lm") {
      throw new InputError(
        `${folder} is a ${model.task.name} checkpoint, expected a decoder that predicts the next token`,
      );
    }
    const source = await openDataSource(data, "data", { limit, delimiter });
    const task = answerTask(name);
    const questions = await readQuestions(source, task);
    const common = { task: name, questions: questions.length };
    const longerThan = `are longer than ${model.text.maxLength} tokens`;
    const notesOn = async (cut: number, note: string) => [...(await source.notes()), ...(cut === 0 ? [] : [note])];
    if (answerBy === "generation") {
      const { texts, cut } = await writtenAnswers(model, task, questions, {
        batchSize,
        onProgress: control.onProgress,
      });
      const notes = await notesOn(cut, `${cut} questions with their answers ${longerThan}, and lose their beginning`);
      return { ...common, answerBy, evaluation: scoreTexts(task, questions, texts), notes };
    }
    const { likelihoods, cut } = await likelihoodsOf(model, questions, batchSize);
    const notes = await notesOn(cut, `${cut} choices ${longerThan}, and their questions lose their beginning`);
    return { ...common, answerBy, evaluation: scoreChoices(questions, likelihoods), notes };
  } finally {
    await model.release();
  }
}

/** The logarithm of the probability of each choice of each question, and how many did not fit. */
async function likelihoodsOf(
  { text, predictionPrograms: programs }: OpenModel,
  questions: readonly Question[],
  batchSize: number,
) {
  const choices = questions.flatMap(({ prompt, choices: own }) =>
    own.map(({ completion }) => ({ prompt, completion })),
  );
  const texts = await mapInTurns(choices, (choice) => encodeContinuation(text.tokenizer, choice, text.maxLength));
  const likelihoods = await logLikelihoods(text, texts, { programs, batchSize });
  return { likelihoods, cut: texts.filter(({ wasTruncated }) => wasTruncated).length };
}
