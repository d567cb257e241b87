/** Going on with a run that was interrupted, from its last checkpoint. */
import { join, resolve } from "node:path";
import { defaultThreads } from "@nanoadam/engine/node";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { type FinetuneInput, flattenOptions, parseFinetuneOptions } from "../options/finetune-options.js";
import { overrideOptions } from "../options/option-files.js";
import { type NoticeListener, observeAll } from "../train/observer.js";
import { performRun, type RunToPerform } from "./finetune.js";
import { differences } from "./fingerprints.js";
import type { RunControl } from "./run-control.js";
import { type FinetuneRun, startRun } from "./run-events.js";
import { openSavedRun, optionsOf, type SavedRun } from "./saved-run.js";
import type { RunSummary } from "./summary.js";
import { runInWorker } from "./worker-run.js";

/** What going on may change. */
export interface ResumeOptions extends RunControl {
  /**
   * Options that are not those that the run began with. Without `allowChanged` only how it is saved and logged may change; data that
   * were rows of a program have to be given again.
   */
  readonly changes?: Partial<FinetuneInput>;
  /** Go on although options, data or model are not those that the run began with. By default false. */
  readonly allowChanged?: boolean;
}

/** What changes nothing of the result. */
const harmless = ["saveEvery", "keep", "logEvery", "tensorboard", "report", "threads", "overwrite", "output"];

/**
 * Goes on with a run from its last checkpoint; the options are those that it was begun with. What comes out is, on the same machine,
 * to the bit what would have come without the interruption.
 * @param folder the run's output folder, or one of its checkpoints
 * @throws InputError where there is no checkpoint, or something is not as it was; and as `finetune`.
 */
export function resumeFinetuning(folder: string, options: ResumeOptions = {}): FinetuneRun {
  const { changes = {}, allowChanged = false, ...control } = options;
  return startRun(control, (observed) =>
    control.worker === true
      ? runInWorker({ folder, changes, allowChanged }, observed)
      : performRest(folder, { changes, allowChanged, ...observed }),
  );
}

/** As `resumeFinetuning`. */
export async function performRest(
  folder: string,
  { changes = {}, allowChanged = false, ...control }: ResumeOptions,
  open?: RunToPerform["open"],
): Promise<RunSummary> {
  const saved = await openSavedRun(folder);
  if (changes.output !== undefined && resolve(changes.output) !== resolve(saved.output)) {
    throw new InputError(`\`output\` is ${changes.output}, but \`resume\` goes on in ${saved.output}`);
  }
  const stored = (await optionsOf(saved)) as unknown as FinetuneInput;
  const given = { ...overrideOptions(stored, changes), output: saved.output } as FinetuneInput;
  const isDone = (await readJsonObject(join(saved.output, "summary.json")))?.run === saved.state.run;
  if (isDone && !allowChanged) {
    throw new InputError(
      `${saved.output} has the result of this run already, after step ${saved.state.totalSteps}; with \`allowChanged\` and more \`steps\` or \`epochs\` it goes on`,
    );
  }
  // Its own result gives way to the longer run's.
  const input = isDone ? { ...given, overwrite: true } : given;
  const changed = changedOptions({ ...stored, train: stored.train ?? input.train }, input);
  const refuse = (what: readonly string[]) => {
    if (what.length === 0 || allowChanged) return;
    const verb = what.length === 1 ? "it" : "they";
    throw new InputError(
      `${saved.folder} cannot be gone on with as it was: ${what.join("; ")}. \`allowChanged\` goes on as ${verb} ${what.length === 1 ? "is" : "are"} now`,
    );
  };
  refuse(changed);
  tellOfMachine(saved, input, observeAll(control.observers ?? []));
  return performRun({
    input,
    control,
    saved,
    ...(open === undefined ? {} : { open }),
    requireSame: async (fingerprints) => refuse(differences(saved.state.inputs, await fingerprints())),
  });
}

/** The options that differ, each with what it was and is. */
function changedOptions(then: FinetuneInput, now: FinetuneInput): string[] {
  const before = flattenOptions(parseFinetuneOptions(then)) as Readonly<Record<string, unknown>>;
  const after = flattenOptions(parseFinetuneOptions(now)) as Readonly<Record<string, unknown>>;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((option) => !harmless.includes(option) && shown(before[option]) !== shown(after[option]))
    .map((option) => `\`${option}\` was ${shown(before[option])} and is ${shown(after[option])}`);
}

function shown(value: unknown): string {
  if (value === undefined) return "not given";
  return typeof value === "object" && !Array.isArray(value) ? "rows" : String(value);
}

/** The last bits of numbers depend on what computes them. */
function tellOfMachine({ state }: SavedRun, { threads }: FinetuneInput, listener: NoticeListener): void {
  const now = threads ?? defaultThreads();
  if (now === state.threads) return;
  listener.onNotice?.(
    `the run began with ${state.threads} threads and goes on with ${now}: the last bits of its numbers may differ`,
  );
}
