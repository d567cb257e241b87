import { Command } from "commander";
import { exportSchema } from "../options/saved-model-options.js";
import { exportModel } from "../recipes/export.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = [
  "nanoadam export --model reviews-model --format onnx --output reviews-onnx",
  "nanoadam export --model reviews-adapter --merge --output reviews-model",
];

/** `nanoadam export`: a model for other programs, or an adapter as a whole model. */
export function exportCommand(streams: Streams = process): Command {
  const command = new Command("export").description(
    "Write a model for Transformers.js, ONNX Runtime or llama.cpp, or merge a LoRA adapter into its base model.",
  );
  return addHelpTail(addFlags(command, exportSchema), { examples }).action(async (flags: Flags) => {
    const options = optionsOfFlags(exportSchema, flags);
    await exportModel(options, { onNotice: (notice) => void streams.stderr.write(`${notice}\n`) });
    streams.stdout.write(`written to ${options.output}\n`);
  });
}
