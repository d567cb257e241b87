import { Command } from "commander";
import { describeWay } from "../estimate/ways-out.js";
import { formatBytes, formatCount, formatSeconds } from "../format.js";
import { estimateSchema } from "../options/estimate-options.js";
import { type Estimate, estimate } from "../recipes/estimate.js";
import { withFlags } from "./flag-names.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { plainTable } from "./plain-table.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = [
  "nanoadam estimate --model bert-base --batch-size 32",
  "nanoadam estimate --model folder-with-config.json --task causal-lm --max-length 512 --json",
];

/** `nanoadam estimate`: what a run will take, before anything is read or computed. */
export function estimateCommand(streams: Streams = process): Command {
  const command = new Command("estimate").description(
    "Tell what a run will take, from a model's config.json and the options alone.",
  );
  return addHelpTail(addFlags(command, estimateSchema), { examples, withTasks: true })
    .option("--json", "print JSON")
    .action(async ({ json, ...flags }: Flags) => {
      const status = new StatusLine({ stream: streams.stderr });
      status.show(() => (flags.measure === true ? "taking a few steps" : "laying out memory"));
      const found = await estimate(optionsOfFlags(estimateSchema, flags)).finally(() => status.clear());
      if (json === true) {
        streams.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
        return;
      }
      const terminal = terminalOf(streams.stdout);
      streams.stdout.write(fitted(`${linesOf(found, terminal.columns()).join("\n")}\n`, terminal));
    });
}

function linesOf(found: Estimate, columns: number): string[] {
  const { architecture, parameters, batchSize, maxLength = 0, imageSize, byOptimizer, measured } = found;
  const rows = Object.entries(byOptimizer).map(([name, memory]) => [
    name,
    ...[memory.weights, memory.states, memory.gradients, memory.activations, memory.peak].map(formatBytes),
  ]);
  return [
    `${architecture}: ${formatCount(parameters.total)} parameters, ${formatCount(parameters.trained)} of them trained`,
    imageSize === undefined
      ? `${batchSize} texts of ${formatCount(maxLength)} tokens at a time`
      : `${batchSize} images of ${imageSize[1]} x ${imageSize[0]} pixels at a time`,
    plainTable({ headings: ["", "weights", "states", "gradients", "activations", "peak"], rows }, columns).trimEnd(),
    fitLine(found),
    ...(found.waysOut.length === 0
      ? []
      : ["smaller:", ...found.waysOut.map((way) => `  ${withFlags(describeWay(way))}`)]),
    ...(measured === undefined
      ? []
      : [
          `measured: ${measured.stepMilliseconds.toFixed(0)} ms a step, ${formatBytes(measured.peakRssBytes)}${measured.seconds === undefined ? "" : `, so ${formatSeconds(measured.seconds)} for all steps`}`,
        ]),
  ];
}

function fitLine({ optimizer, memory, limit }: Estimate): string {
  const verb = memory.peak > limit ? "does not fit" : "fits";
  return `${optimizer} ${verb}: it takes about ${formatBytes(memory.peak)}, and ${formatBytes(limit)} are there`;
}
