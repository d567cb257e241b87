import { Command } from "commander";
import { presetNames, presetText } from "../options/option-files.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam presets glue/cola > cola.yaml"];

/** `nanoadam presets`: a list of the presets, or the text of one. */
export function presetsCommand(streams: Streams = process): Command {
  const command = new Command("presets");
  return addHelpTail(command, { examples })
    .description(
      "List the presets, or print one, to read or to copy: study/... are for compare, all others for finetune.",
    )
    .argument("[name]", "the preset to print")
    .action(async (name: string | undefined) => {
      streams.stdout.write(name === undefined ? `${(await presetNames()).join("\n")}\n` : await presetText(name));
    });
}
