import { Command } from "commander";
import { formatCount, formatShare } from "../format.js";
import { inspectSchema } from "../options/inspect-options.js";
import { type InspectedTensor, type Inspection, inspect } from "../recipes/inspect.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { plainTable } from "./plain-table.js";
import { sparkline } from "./sparkline.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = ["nanoadam inspect bert-base", "nanoadam inspect bert-base --density 0.01 --json"];

/** `nanoadam inspect`: the tensors of a checkpoint, their magnitudes, and what would be selected. */
export function inspectCommand(streams: Streams = process): Command {
  const command = new Command("inspect")
    .description("List the tensors of a checkpoint: types, shapes, magnitudes, and what would be selected.")
    .argument("<DIR>", "checkpoint folder, or demo");
  return addHelpTail(addFlags(command, inspectSchema.omit({ model: true })), { examples })
    .option("--json", "print JSON")
    .action(async (model: string, { json, ...flags }: Flags) => {
      const status = new StatusLine({ stream: streams.stderr });
      const found = await inspect({ ...optionsOfFlags(inspectSchema, flags), model }, (name, done, of) =>
        status.show(() => `${formatShare(of === 0 ? 1 : done / of)}  ${name}`),
      ).finally(() => status.clear());
      if (json === true) {
        streams.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
        return;
      }
      const terminal = terminalOf(streams.stdout);
      streams.stdout.write(fitted(textOf(found, terminal.columns(), terminal.hasBlocks), terminal));
    });
}

function textOf(found: Inspection, columns: number, hasBlocks: boolean): string {
  const { architecture, model, tensors, entries, selected, density } = found;
  const headings = [
    "",
    "type",
    "shape",
    "mean",
    "greatest",
    "zeros",
    ...(hasBlocks ? ["1e-6 to 10"] : []),
    "selected up to",
  ];
  const table = plainTable({ headings, rows: tensors.map((tensor) => rowOf(tensor, hasBlocks)) }, columns);
  const faults = tensors.flatMap(({ fault }) => (fault === undefined ? [] : [`${fault}\n`]));
  return [
    `${architecture === undefined ? "" : `${architecture} from `}${model}: ${formatCount(tensors.length)} tensors, ${formatCount(entries)} entries\n`,
    table,
    ...faults,
    `at a density of ${density}, ${formatCount(selected)} entries (${formatShare(entries === 0 ? 0 : selected / entries)}) would be selected\n`,
  ].join("");
}

function rowOf({ name, dtype, shape, magnitudes, selected, role }: InspectedTensor, hasBlocks: boolean): string[] {
  const number = (value: number | undefined) => (value === undefined ? "" : value.toPrecision(3));
  return [
    name,
    dtype,
    shape.join(" x "),
    number(magnitudes?.mean),
    number(magnitudes?.greatest),
    magnitudes === undefined ? "" : formatCount(magnitudes.zeros),
    ...(hasBlocks
      ? [magnitudes === undefined ? "" : sparkline(magnitudes.histogram, magnitudes.histogram.length)]
      : []),
    selected === undefined ? (role === undefined ? "" : "whole") : number(selected.upTo),
  ];
}
