import { Command } from "commander";
import { deltaSchema } from "../options/delta-options.js";
import { writeDelta } from "../recipes/delta.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam delta --model reviews-model --base bert-base-cased --output reviews.safetensors"];

/** `nanoadam delta`: what a fine-tuned model has beside its base, in one file. */
export function deltaCommand(streams: Streams = process): Command {
  const command = new Command("delta").description("Keep only what a fine-tuned model changed of its base.");
  return addHelpTail(addFlags(command, deltaSchema), { examples }).action(async (flags: Flags) => {
    const { file, bytes, folderBytes, entries, changed } = await writeDelta(optionsOfFlags(deltaSchema, flags));
    const [size, whole] = [bytes, folderBytes].map((count) => `${(count / 1e6).toPrecision(3)} MB`);
    const share = entries === 0 ? "0" : ((100 * changed) / entries).toPrecision(2);
    streams.stdout.write(
      `written to ${file}: ${size} for a folder of ${whole}; ${share} % of the base's weights differ\n`,
    );
  });
}
