import { runCommandLine } from "../cli/command-line.js";
import type { Streams } from "../cli/streams.js";

/** What a command has printed, and how it ended. */
export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Streams for a command, and what it has written to them so far. */
export function capture(): { readonly streams: Streams; printed(): Omit<CommandOutcome, "exitCode"> } {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  return {
    streams: {
      stdout: { write: (text: string) => stdout.push(text) },
      stderr: { write: (text: string) => stderr.push(text) },
    },
    printed: () => ({ stdout: stdout.join(""), stderr: stderr.join("") }),
  };
}

/** Runs the real command line in this process. */
export async function runCli(...arguments_: readonly string[]): Promise<CommandOutcome> {
  const { streams, printed } = capture();
  return { exitCode: await runCommandLine(arguments_, streams), ...printed() };
}
