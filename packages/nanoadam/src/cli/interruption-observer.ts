/** What a signal does to a run: it ends at once, or finishes its step and saves itself first. */
import type { FinetuneInput } from "../options/finetune-options.js";
import { outputNamedAfter } from "../options/output-options.js";
import type { TrainingObserver } from "../train/observer.js";
import type { Interruption } from "./interrupt.js";
import { quoted } from "./quoted.js";

/** So many milliseconds of steps are worth saving, although nobody asked for checkpoints. */
const worthSaving = 60_000;

/** Has a run finish its step and save itself at a first signal, once there is something worth it; and says how it goes on then. */
export function interruptionObserver(
  interruption: Interruption,
  { saveEvery, output, train }: Partial<FinetuneInput>,
  resume: string | undefined,
  print: ((line: string) => void) | undefined,
  now = () => performance.now(),
): TrainingObserver {
  let first: number | undefined;
  return {
    onStart() {
      if (saveEvery === undefined || print === undefined || resume !== undefined) return;
      const place = output ?? outputNamedAfter(train ?? "");
      const every = saveEvery === "epoch" ? "epoch" : saveEvery === 1 ? "step" : `${saveEvery} steps`;
      print(
        `saves every ${every} in ${place}/checkpoints; nanoadam finetune --resume ${quoted(place)} goes on from there`,
      );
    },
    onStep() {
      first ??= now();
      const isSaved = saveEvery !== undefined || resume !== undefined || now() - first > worthSaving;
      if (isSaved) interruption.finishFirst("the step is finished and the run saved, and then it ends");
    },
    onSave: () => interruption.finishFirst("the result is being written, and then the run ends"),
  };
}
