import { Command } from "commander";
import { formatCount, formatSeconds, formatShare } from "../format.js";
import { evaluateAnswersSchema, evaluateSchema } from "../options/saved-model-options.js";
import { evaluate } from "../recipes/evaluate.js";
import { type AnswerReport, evaluateAnswers } from "../recipes/evaluate-answers.js";
import { withFlags } from "./flag-names.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { formatEvaluation } from "./progress.js";
import { progressLine } from "./progress-line.js";
import { reviewLines } from "./review-lines.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = [
  "nanoadam evaluate --model reviews-model --data test.tsv --text sentence --label label",
  "nanoadam evaluate --model answers-model --task commonsense/boolq --data boolq/test.json",
];

/** The flags of both ways to measure: by labels or texts, and by the questions of a task. */
const flagsSchema = evaluateSchema.extend({
  task: evaluateAnswersSchema.shape.task.optional().meta(evaluateAnswersSchema.shape.task.meta() ?? {}),
  answerBy: evaluateAnswersSchema.shape.answerBy,
});

/** `nanoadam evaluate`: loss and metrics of a fine-tuned checkpoint. */
export function evaluateCommand(streams: Streams = process): Command {
  const command = new Command("evaluate").description("Measure a fine-tuned checkpoint on labelled text.");
  return addHelpTail(addFlags(command, flagsSchema), { examples })
    .option("--json", "print JSON")
    .action(async ({ json, ...flags }: Flags) => {
      const status = new StatusLine({ stream: streams.stderr });
      status.show(() => "evaluating");
      const listener = { onNotice: (notice: string) => status.print(notice) };
      if (flags.task !== undefined) {
        const given = optionsOfFlags(evaluateAnswersSchema, flags);
        const onProgress = showAnswered(status);
        const report = await evaluateAnswers(given, { ...listener, onProgress }).finally(() => status.clear());
        streams.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : answerLines(report).join("\n"));
        return;
      }
      const report = await evaluate(optionsOfFlags(evaluateSchema, flags), listener).finally(() => status.clear());
      if (json === true) {
        streams.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
        return;
      }
      const { review, notes, examples: count, evaluation } = report;
      const terminal = terminalOf(streams.stdout);
      const lines = [
        ...notes.map((note) => `note: ${withFlags(note)}`),
        `${formatCount(count)} examples: ${formatEvaluation(evaluation)}`,
        ...(review === undefined ? [] : [...reviewLines(review, terminal.columns()), review.verdict]),
        "",
      ];
      streams.stdout.write(fitted(lines.join("\n"), terminal));
    });
}

/** The progress of answers that are written: the time left, and how many there are. */
function showAnswered(status: StatusLine): (done: number, total: number) => void {
  const started = performance.now();
  return (done, total) => {
    const left = ((performance.now() - started) * (total - done)) / (1000 * done);
    const fields = [
      [`${formatSeconds(left)} left`],
      [`${formatCount(done)} of ${formatCount(total)} questions`, `${formatCount(done)}/${formatCount(total)}`],
    ];
    status.show((columns) => progressLine({ done: done / total, fields }, columns, status.terminal.colors));
  };
}

function answerLines({ task, questions, notes, ...answers }: AnswerReport): string[] {
  const right = formatShare(answers.evaluation.accuracy);
  const figures =
    answers.answerBy === "likelihood"
      ? `${right} right by likelihood, ${formatShare(answers.evaluation.accuracyNormalised)} by likelihood a character`
      : `${right} right by generation, ${formatCount(answers.evaluation.unanswered)} without an answer`;
  return [
    ...notes.map((note) => `note: ${withFlags(note)}`),
    `${formatCount(questions)} questions of ${task}: ${figures}`,
    "",
  ];
}
