/** Answers that a decoder writes to the questions of a task. */
import { planBatches } from "../data/batches.js";
import { mapInTurns } from "../data/in-turns.js";
import { Decoding } from "../program/decoding.js";
import { generateTokens } from "../program/generate.js";
import type { AnswerTask } from "../tasks/answer-tasks.js";
import type { Question } from "../tasks/questions.js";
import type { OpenModel } from "./open-model.js";

export interface WrittenAnswersOptions {
  /** Questions that are answered together. */
  readonly batchSize: number;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * What follows each prompt, always the likeliest token. A text goes on to a token of the end, until what follows
 * no longer counts, or to the task's longest. Where prompt and answer have no room together, at most half of it is kept for
 * the answer, and the prompt loses its beginning.
 * @returns the texts in the order of the questions, and how many prompts were cut
 */
export async function writtenAnswers(
  { text: { tokenizer, maxLength }, predictionPrograms: programs, endIds }: OpenModel,
  task: AnswerTask,
  questions: readonly Question[],
  { batchSize, onProgress }: WrittenAnswersOptions,
): Promise<{ readonly texts: readonly string[]; readonly cut: number }> {
  const room = maxLength - Math.min(task.longestAnswer, Math.floor(maxLength / 2));
  const whole = await mapInTurns(
    questions,
    ({ prompt }) => tokenizer.encode(prompt, undefined, Number.MAX_SAFE_INTEGER).ids,
  );
  const prompts = whole.map((ids) => ids.subarray(Math.max(0, ids.length - room)));
  const texts = new Array<string>(questions.length).fill("");
  const options = { maxNewTokens: task.longestAnswer, endIds, seed: 0, temperature: 0 };
  let done = 0;
  const plans = planBatches(
    prompts.map(({ length }) => length),
    { batchSize, shuffle: undefined },
  );
  for (const { indices } of plans) {
    const decoding = new Decoding(programs, indices.length);
    await decoding.append(indices.map((index) => prompts[index] ?? new Int32Array()));
    const answers = indices.map((): number[] => []);
    const textOf = (row: number) => tokenizer.decode(answers[row] ?? [], { skipSpecialTokens: true });
    const isFinished = (row: number) => {
      const length = (prompts[indices[row] ?? 0]?.length ?? 0) + (answers[row]?.length ?? 0);
      return length >= maxLength || task.isSettled(textOf(row));
    };
    for await (const step of generateTokens(decoding, options, isFinished)) {
      for (const [row, token] of step.entries()) {
        if (token !== undefined && !endIds.has(token)) answers[row]?.push(token);
      }
    }
    for (const [row, index] of indices.entries()) texts[index] = textOf(row);
    done += indices.length;
    onProgress?.(done, questions.length);
  }
  return { texts, cut: whole.filter(({ length }) => length > room).length };
}
