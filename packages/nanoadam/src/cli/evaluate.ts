import { Command } from "commander";
import { formatCount } from "../format.js";
import { evaluateSchema } from "../options/saved-model-options.js";
import { evaluate } from "../recipes/evaluate.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { formatEvaluation } from "./progress.js";
import { noticesTo, type Streams } from "./streams.js";

const example = `
Example:
  $ nanoadam evaluate --model reviews-model --data test.tsv --text sentence --label label`;

/** `nanoadam evaluate`: loss and metrics of a fine-tuned checkpoint. */
export function evaluateCommand(streams: Streams = process): Command {
  const command = new Command("evaluate").description("Measure a fine-tuned checkpoint on labelled text.");
  return addFlags(command, evaluateSchema)
    .option("--json", "print JSON")
    .addHelpText("after", example)
    .action(async ({ json, ...flags }: Flags) => {
      const report = await evaluate(optionsOfFlags(evaluateSchema, flags), noticesTo(streams));
      streams.stdout.write(
        json === true
          ? `${JSON.stringify(report, null, 2)}\n`
          : `${formatCount(report.examples)} examples: ${formatEvaluation(report.evaluation)}\n`,
      );
    });
}
