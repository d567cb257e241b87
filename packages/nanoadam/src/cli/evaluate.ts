import { Command } from "commander";
import { formatCount } from "../format.js";
import { evaluateSchema } from "../options/saved-model-options.js";
import { evaluate } from "../recipes/evaluate.js";
import { withFlags } from "./flag-names.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { formatEvaluation } from "./progress.js";
import { reviewLines } from "./review-lines.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = ["nanoadam evaluate --model reviews-model --data test.tsv --text sentence --label label"];

/** `nanoadam evaluate`: loss and metrics of a fine-tuned checkpoint. */
export function evaluateCommand(streams: Streams = process): Command {
  const command = new Command("evaluate").description("Measure a fine-tuned checkpoint on labelled text.");
  return addHelpTail(addFlags(command, evaluateSchema), { examples })
    .option("--json", "print JSON")
    .action(async ({ json, ...flags }: Flags) => {
      const status = new StatusLine({ stream: streams.stderr });
      status.show(() => "evaluating");
      const listener = { onNotice: (notice: string) => status.print(notice) };
      const report = await evaluate(optionsOfFlags(evaluateSchema, flags), listener).finally(() => status.clear());
      if (json === true) {
        // The figures stand at the top too, where scripts look for them.
        streams.stdout.write(`${JSON.stringify({ ...report.evaluation, ...report }, null, 2)}\n`);
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
