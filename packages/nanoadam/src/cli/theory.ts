import { Command } from "commander";
import { formatShare } from "../format.js";
import { parseOptions } from "../options/parse-options.js";
import { theorySchema } from "../options/theory-options.js";
import { theory } from "../recipes/theory.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { StatusLine } from "./status-line.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam theory", "nanoadam theory --output runs/theory --seeds 3 --steps 2000"];

/** `nanoadam theory`: the paper's toy experiment and the checks of its theory, as a page. */
export function theoryCommand(streams: Streams = process): Command {
  const command = new Command("theory").description(
    "Repeat the paper's toy experiment over seeds and settings, and check its theory: a page, and the numbers as JSON.",
  );
  return addHelpTail(addFlags(command, theorySchema), { examples }).action(async (flags: Flags) => {
    const options = parseOptions(theorySchema, optionsOfFlags(theorySchema, flags));
    const status = new StatusLine({ stream: streams.stderr });
    const { checks } = await theory(options, (done, of) =>
      status.show(() => `${formatShare(done / of)} of the toy experiment's steps`),
    ).finally(() => status.clear());
    const slopes = checks.theorem.slopes.map((slope) => slope.toFixed(3)).toSorted();
    streams.stdout.write(
      [
        `invariant: the flow changes |a|^2 - |w|^2 by ${checks.invariant.flow.toExponential(1)} at most`,
        `Lemma E.2: networks reach ${checks.lemma.greatestPart.toFixed(6)} of their bound at most`,
        `Theorem 2.2: the error goes as epsilon to the power ${slopes[0]} to ${slopes.at(-1)}`,
        `written to ${options.output}: theory.html, theory.json`,
        "",
      ].join("\n"),
    );
  });
}
