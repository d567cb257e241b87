import { Command } from "commander";
import { formatCount } from "../format.js";
import { evaluateSchema } from "../options/saved-model-options.js";
import { evaluate } from "../recipes/evaluate.js";
import { withFlags } from "./flag-names.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { formatEvaluation } from "./progress.js";
import { reviewLines } from "./review-lines.js";
import { noticesTo, type Streams } from "./streams.js";

const examples = ["nanoadam evaluate --model reviews-model --data test.tsv --text sentence --label label"];

/** `nanoadam evaluate`: loss and metrics of a fine-tuned checkpoint. */
export function evaluateCommand(streams: Streams = process): Command {
  const command = new Command("evaluate").description("Measure a fine-tuned checkpoint on labelled text.");
  return addHelpTail(addFlags(command, evaluateSchema), { examples })
    .option("--json", "print JSON")
    .action(async ({ json, ...flags }: Flags) => {
      const report = await evaluate(optionsOfFlags(evaluateSchema, flags), noticesTo(streams));
      streams.stdout.write(
        json === true
          ? `${JSON.stringify(report, null, 2)}\n`
          : [
              ...report.notes.map((note) => `note: ${withFlags(note)}`),
              `${formatCount(report.examples)} examples: ${formatEvaluation(report.evaluation)}`,
              ...(report.review === undefined ? [] : reviewLines(report.review)),
              "",
            ].join("\n"),
      );
    });
}
