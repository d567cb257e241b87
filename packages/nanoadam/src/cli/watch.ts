import { Command } from "commander";
import { parseOptions } from "../options/parse-options.js";
import { watchSchema } from "../options/watch-options.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam watch reviews-model"];

/** `nanoadam watch`: a page of a run that is going on, until a signal ends it. */
export function watchCommand(streams: Streams = process): Command {
  const command = new Command("watch")
    .description("Show a run that is going on, or is done, in the browser of this machine.")
    .argument("<DIR>", "the run's output folder");
  return addHelpTail(addFlags(command, watchSchema), { examples }).action(async (output: string, flags: Flags) => {
    const options = parseOptions(watchSchema, optionsOfFlags(watchSchema, flags));
    // What draws takes a while to load, and no other command needs it.
    const { serveRun } = await import("../watch/server.js");
    const { url } = await serveRun(output, options);
    streams.stderr.write(`watching ${output}; Ctrl-C ends\n`);
    streams.stdout.write(`${url}\n`);
    // A signal ends the process.
    await new Promise(() => undefined);
  });
}
