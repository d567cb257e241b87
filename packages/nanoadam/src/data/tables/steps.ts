/** Long work in steps: between two of them whoever has it done may do something else, such as answer a signal. */
export type Steps<Result> = Generator<void, Result>;

/** Rows, or thousands of characters, of one step. */
export const rowsOfStep = 1024;

/** Does all steps at once. */
export function inOneGo<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Milliseconds of work between two pauses. */
const workAtATime = 50;

/** Does the steps with pauses between. */
export async function withPauses<Result>(steps: Steps<Result>, pause: () => Promise<unknown>): Promise<Result> {
  for (let began = performance.now(); ; ) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - began < workAtATime) continue;
    await pause();
    began = performance.now();
  }
}
