import { describeSystemError, systemErrorCode } from "../files/system-error.js";

/**
 * Ends the process when its standard output takes nothing more: quietly where who read it has seen enough, as `head` does,
 * else with an error. Standard error has only what is told on the way, and work goes on without it.
 */
export function watchOutputs({ stdout, stderr, exit }: Pick<NodeJS.Process, "stdout" | "stderr" | "exit">): void {
  stderr.on("error", () => undefined);
  stdout.on("error", (error) => {
    if (systemErrorCode(error) === "EPIPE") exit(0);
    stderr.write(`nanoadam: standard output could not be written: ${describeSystemError(error)}\n`, () => exit(1));
  });
}
