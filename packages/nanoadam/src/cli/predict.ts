import { Command } from "commander";
import { predictSchema } from "../options/saved-model-options.js";
import { predictAndFormat } from "../recipes/predict.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { noticesTo, type Streams } from "./streams.js";

const examples = [
  'nanoadam predict --model reviews-model --text "I want my money back"',
  "nanoadam predict --model reviews-model --data new.tsv --text sentence --json",
];

/** `nanoadam predict`: labels or numbers for texts. */
export function predictCommand(streams: Streams = process): Command {
  const command = new Command("predict").description("Label texts with a fine-tuned checkpoint.");
  return addHelpTail(addFlags(command, predictSchema), { examples })
    .option("--json", "print one JSON object a line")
    .action(async ({ json, ...flags }: Flags) => {
      const { predictions, format } = await predictAndFormat(optionsOfFlags(predictSchema, flags), noticesTo(streams));
      const lines = predictions.map((prediction) => (json === true ? JSON.stringify(prediction) : format(prediction)));
      streams.stdout.write(lines.map((line) => `${line}\n`).join(""));
    });
}
