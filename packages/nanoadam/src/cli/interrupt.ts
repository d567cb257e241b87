/** Signals that ask a command to end: Ctrl-C, `kill`, and a terminal that is closed. */
import { constants } from "node:os";

/** What a command says about being ended, and learns of it. */
export interface Interruption {
  /** Aborted by the first signal after `finishFirst`. */
  readonly signal: AbortSignal;
  /** From now on a first signal lets this be finished, and only a second ends the process at once. */
  finishFirst(what: string): void;
  /** Has a command that draws on the terminal print what is told, and take away what it has drawn when the process ends at once. */
  printWith(print: (line: string) => void, clear: () => void): void;
}

/** For who has no signals: a program that runs commands itself. */
export const uninterrupted: Interruption = {
  signal: new AbortController().signal,
  finishFirst: () => undefined,
  printWith: () => undefined,
};

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Listens to signals of the process. The first ends it at once with 128 and the signal's number: what has not been put in
 * its place is removed on the way out. While something is being finished it says so, and a second ends the process.
 */
export function listenToSignals(
  process: Pick<NodeJS.Process, "on" | "exit">,
  write: (text: string) => void,
): { readonly interruption: Interruption; exitCode(): number | undefined } {
  const controller = new AbortController();
  let print = (line: string) => write(`nanoadam: ${line}\n`);
  let clear: () => void = () => undefined;
  let finishing: string | undefined;
  let exitCode: number | undefined;
  for (const name of endingSignals) {
    process.on(name, () => {
      const isSecond = exitCode !== undefined;
      exitCode ??= 128 + constants.signals[name];
      if (isSecond || finishing === undefined) {
        print("interrupted");
        clear();
        process.exit(exitCode);
      }
      print(`${finishing}; again ends at once`);
      controller.abort();
    });
  }
  return {
    interruption: {
      signal: controller.signal,
      finishFirst(what) {
        finishing = what;
      },
      printWith(other, clearOther) {
        print = other;
        clear = clearOther;
      },
    },
    exitCode: () => exitCode,
  };
}

/** Ends a process when the one that started it and speaks to it is gone. */
export function endWithParent(process: NodeJS.Process): void {
  if (process.channel === undefined || process.channel === null) return;
  process.on("disconnect", () => process.exit(128 + constants.signals.SIGHUP));
  process.channel.unref();
}
