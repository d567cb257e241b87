import { Command } from "commander";
import { applySchema } from "../options/delta-options.js";
import { applyDelta } from "../recipes/apply-delta.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam apply --base bert-base-cased --delta reviews.safetensors --output reviews-model"];

/** `nanoadam apply`: the model that a delta was made of. */
export function applyCommand(streams: Streams = process): Command {
  const command = new Command("apply").description("Rebuild a fine-tuned model from its base and a delta.");
  return addHelpTail(addFlags(command, applySchema), { examples }).action(async (flags: Flags) => {
    const options = optionsOfFlags(applySchema, flags);
    await applyDelta(options, { onNotice: (notice) => void streams.stderr.write(`${notice}\n`) });
    streams.stdout.write(`written to ${options.output}\n`);
  });
}
