import { runCommandLine } from "./command-line.js";
import { watchOutputs } from "./watch-outputs.js";

watchOutputs(process);
process.exitCode = await runCommandLine(process.argv.slice(2));
