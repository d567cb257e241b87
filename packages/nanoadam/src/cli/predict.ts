import { Command } from "commander";
import { predictSchema } from "../options/saved-model-options.js";
import { type Prediction, predict } from "../recipes/open-model.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import type { Streams } from "./streams.js";

const example = `
Examples:
  $ nanoadam predict --model reviews-model --text "I want my money back"
  $ nanoadam predict --model reviews-model --data new.tsv --text sentence --json`;

/** `nanoadam predict`: labels or numbers for texts. */
export function predictCommand(streams: Streams = process): Command {
  const command = new Command("predict").description("Label texts with a fine-tuned checkpoint.");
  return addFlags(command, predictSchema)
    .option("--json", "print one JSON object a line")
    .addHelpText("after", example)
    .action(async ({ json, ...flags }: Flags) => {
      const predictions = await predict(optionsOfFlags(predictSchema, flags));
      const format = json === true ? (prediction: Prediction) => JSON.stringify(prediction) : formatPrediction;
      streams.stdout.write(predictions.map((prediction) => `${format(prediction)}\n`).join(""));
    });
}

/** "refund  97.1 %  I want my money back". */
export function formatPrediction(prediction: Prediction): string {
  const text = [prediction.text, prediction.textPair].filter((part) => part !== undefined).join(" | ");
  if ("value" in prediction) return `${prediction.value.toFixed(4)}\t${text}`;
  return `${prediction.label}\t${(100 * prediction.probability).toFixed(1)} %\t${text}`;
}
