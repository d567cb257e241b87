import { endWithParent, listenToSignals } from "./interrupt.js";
import { watchOutputs } from "./watch-outputs.js";

watchOutputs(process);
endWithParent(process);
const { interruption, exitCode } = listenToSignals(process, (text) => process.stderr.write(text));
// Loading the rest takes longer than a hasty Ctrl-C.
const { runCommandLine } = await import("./command-line.js");
// A thread of the WebAssembly engine keeps no process alive, but is waited for.
const alive = setInterval(() => undefined, 60_000);
const code = await runCommandLine(process.argv.slice(2), process, interruption);
clearInterval(alive);
process.exitCode = exitCode() ?? code;
