import { Command } from "commander";
import { formatCount, formatShare } from "../format.js";
import { pruneSchema } from "../options/prune-options.js";
import { type PruneReport, prune } from "../recipes/prune.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = [
  "nanoadam prune --model resnet-18 --share 0.8 --output resnet-18-pruned",
  "nanoadam finetune --model resnet-18-pruned --train images --keep-zeros",
];

/** `nanoadam prune`: the smallest weights of a checkpoint become 0. */
export function pruneCommand(streams: Streams = process): Command {
  const command = new Command("prune").description(
    "Set the smallest weights of a checkpoint's matrices and convolutions to 0. finetune --keep-zeros keeps them so.",
  );
  return addHelpTail(addFlags(command, pruneSchema), { examples })
    .option("--json", "print the tensors and their zeros as JSON")
    .action(async ({ json, ...flags }: Flags) => {
      const onNotice = (notice: string) => void streams.stderr.write(`${notice}\n`);
      const options = optionsOfFlags(pruneSchema, flags);
      const report = await prune(options, { onNotice });
      streams.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : textOf(report, options.output));
    });
}

function textOf({ tensors, pruned, zeros }: PruneReport, output: string): string {
  const names = tensors.map(({ name }) => name);
  const shown = names.length > 6 ? [...names.slice(0, 3), "...", ...names.slice(-2)] : names;
  return [
    `${formatCount(tensors.length)} tensors pruned (${shown.join(", ")}): ${formatShare(pruned.share)} of their weights are 0`,
    `zeros: ${formatCount(zeros.count)} of all weights (${formatShare(zeros.share)})`,
    `written to ${output}`,
    "",
  ].join("\n");
}
