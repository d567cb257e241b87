/** How many questions of a task a decoder answers rightly. */
import { mapInTurns } from "../data/in-turns.js";
import { openDataSource } from "../data/source.js";
import { encodeContinuation } from "../data/text/learned-text.js";
import { InputError } from "../errors.js";
import { parseOptions } from "../options/parse-options.js";
import { type EvaluateAnswersInput, evaluateAnswersSchema } from "../options/saved-model-options.js";
import { type AnswerTaskName, answerTask } from "../tasks/answer-tasks.js";
import { type ChoiceScore, type Question, readQuestions, scoreChoices } from "../tasks/questions.js";
import { logLikelihoods } from "../train/log-likelihoods.js";
import type { NoticeListener } from "../train/observer.js";
import { type OpenModel, openModel } from "./open-model.js";

export interface AnswerReport {
  readonly task: AnswerTaskName;
  readonly questions: number;
  readonly answerBy: "likelihood" | "generation";
  /** The fraction of right answers; of choices also with likelihoods taken for each character. */
  readonly evaluation: ChoiceScore;
  /** What should be said of the data, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Has a decoder answer questions, and counts what is right.
 * @throws InputError for anything wrong with options, model or data.
 */
export async function evaluateAnswers(
  input: EvaluateAnswersInput,
  listener: NoticeListener = {},
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
  if (answerBy === "generation") throw new InputError(`\`answerBy\` generation is not there yet for ${name}`);
  const model = await openModel(folder, options, listener);
  try {
    if (model.task.name !== "causal-lm") {
      throw new InputError(
        `${folder} is a ${model.task.name} checkpoint, expected a decoder that predicts the next token`,
      );
    }
    const source = await openDataSource(data, "data", { limit, delimiter });
    const questions = await readQuestions(source, answerTask(name));
    const { likelihoods, cut } = await likelihoodsOf(model, questions, batchSize);
    const notes =
      cut === 0
        ? []
        : [`${cut} choices are longer than ${model.text.maxLength} tokens, and their questions lose their beginning`];
    return {
      task: name,
      questions: questions.length,
      answerBy,
      evaluation: scoreChoices(questions, likelihoods),
      notes: [...(await source.notes()), ...notes],
    };
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
