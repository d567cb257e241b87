/** Processes that are made to fail or to end at a chosen call of the file system (`faults.mjs`). */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The room `files` as it is built; the children import that. */
const builtFiles = here("../../../dist/files");
export const builtCommand = here("../../../bin/nanoadam.js");
/** Whether what the children run is there, and is of this state of the code. */
export const isBuilt = existsSync(here("../../../dist/files/commit.js"));

export interface Fault {
  /** The number of the call, from 1. */
  readonly at: number;
  /** `kill`, or an error's code. */
  readonly kind: string;
  /** All later calls fail too. */
  readonly stays?: boolean;
}

export interface Circumstances {
  /** Nothing beside the output may be written, so its files are replaced one by one. */
  readonly inside?: boolean;
  /** No program on the machine can exchange folders. */
  readonly noExchange?: boolean;
  readonly temporary?: string;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly endedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script with Node under a fault, or sends it a signal after so many milliseconds; `countIn` is a file for the number of calls. */
export function runWithFault(
  script: readonly string[],
  fault: Fault | undefined,
  { inside, noExchange, temporary }: Circumstances,
  {
    countIn,
    signal,
    after = 0,
  }: { readonly countIn?: string; readonly signal?: NodeJS.Signals; readonly after?: number } = {},
): Promise<Ended> {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  const environment = {
    HOME,
    PATH: noExchange === true ? "" : PATH,
    ...((temporary ?? TMPDIR) === undefined ? {} : { TMPDIR: temporary ?? TMPDIR }),
    ...(inside === true ? { FAULT_INSIDE: "1" } : {}),
    ...(countIn === undefined ? {} : { FAULT_COUNT: countIn }),
    ...(fault === undefined ? {} : { FAULT_AT: String(fault.at), FAULT_KIND: fault.kind }),
    ...(fault?.stays === true ? { FAULT_STAYS: "1" } : {}),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", here("faults.mjs"), ...script], { env: environment });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const timer = signal === undefined ? undefined : setTimeout(() => child.kill(signal), after);
    child.on("error", reject);
    child.on("close", (exitCode, endedBy) => {
      clearTimeout(timer);
      resolve({ exitCode, endedBy, stdout, stderr });
    });
  });
}

/** The arguments that replace a folder as a run does, without training. */
export const replaceFolderScript = (target: string): string[] => [here("replace-folder.mjs"), builtFiles, target];
