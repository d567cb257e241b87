import { Command } from "commander";
import { exportSchema } from "../options/saved-model-options.js";
import { exportModel } from "../recipes/export.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam export --model reviews-adapter --merge --output reviews-model"];

/** `nanoadam export`: from an adapter folder to a whole model. */
export function exportCommand(streams: Streams = process): Command {
  const command = new Command("export").description("Merge a LoRA adapter into its base model.");
  return addHelpTail(addFlags(command, exportSchema), { examples }).action(async (flags: Flags) => {
    const options = optionsOfFlags(exportSchema, flags);
    await exportModel(options, { onNotice: (notice) => void streams.stderr.write(`${notice}\n`) });
    streams.stdout.write(`written to ${options.output}\n`);
  });
}
