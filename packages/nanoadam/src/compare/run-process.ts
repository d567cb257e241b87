import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a process of the command line ended, and what it wrote. */
export interface ProcessOutcome {
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly endedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the command line with arguments in a process of its own, so that its peak memory is its own; `signal` kills it, and
 * `onLine` is given each line of its standard error as it comes.
 */
export type StartCommand = (
  arguments_: readonly string[],
  signal: AbortSignal,
  onLine?: (line: string) => void,
) => Promise<ProcessOutcome>;

const installedCommand = fileURLToPath(new URL("../../bin/nanoadam.js", import.meta.url));

/** Starts a script with this process's Node; the result comes when it has ended, however it ended. */
export function startScript(script = installedCommand): StartCommand {
  return (arguments_, signal, onLine) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script, ...arguments_], {
        // The fourth says nothing: a run whose comparison is gone notices that it is closed, and ends.
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        signal,
        killSignal: "SIGKILL",
      });
      const kill = () => void child.kill("SIGKILL");
      process.once("exit", kill);
      let [stdout, stderr, unfinished] = ["", "", ""];
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
        const lines = (unfinished + text).split("\n");
        unfinished = lines.pop() ?? "";
        for (const line of lines) onLine?.(line);
      });
      child.on("error", (error) => {
        if (error.name !== "AbortError") reject(error);
      });
      child.on("close", (exitCode, endedBy) => {
        process.off("exit", kill);
        resolve({ exitCode, endedBy, stdout, stderr });
      });
    });
}
